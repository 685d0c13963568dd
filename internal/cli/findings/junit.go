package findings

import (
	"encoding/xml"
	"io"
)

// JUnit writes a report as the XML of JUnit, as CI servers read it: a test case for each
// diagnostic. One fails for which check exits 1. A report without diagnostics is one test
// case that passes.
func (r Report) JUnit(w io.Writer) error {
	suite := junitSuite{Name: "hardenctl check " + r.Profile}
	for _, d := range r.List {
		c := junitCase{Name: d.Code + ": " + d.Subject, Class: r.Profile, File: d.File, Line: d.Line}
		text := d.Position.String() + ": " + words(d)
		if d.Fails(r.Strict) {
			suite.Failures++
			c.Failure = &junitFailure{d.Severity.String(), d.Message, text}
		} else {
			c.Out = text
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Name: "no findings", Class: r.Profile}}
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)
