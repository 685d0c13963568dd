package findings_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/internal/cli/findings"
)

var report = findings.Report{
	Profile: "my site/web.toml", Version: "1.2.3",
	List: diag.List{
		{Code: "bad-port", Position: diag.Position{File: "my site/web.toml", Line: 2, Column: 6}, Subject: "services.a.ports", Message: "not <a> port", Suggestion: "write one"},
		{Code: "dead-rule", Severity: diag.Warning, Position: diag.Position{File: "builtin:base", Line: 7}, Message: "never met", Example: "tcp 192.0.2.7:1 -> :22 syn",
			Related: []diag.Related{{Position: diag.Position{File: "my site/web.toml", Line: 1}, Message: "-A INPUT -j DROP"}}},
		{Code: "bad-port", Position: diag.Position{File: "my site/web.toml"}, Message: "again"},
	},
	Text: func(file string) []byte { return []byte("version = 1\néé = 70000\n") },
}

// TestSARIF holds what code scanners read: the level, the place in characters, and one rule
// for each code.
func TestSARIF(t *testing.T) {
	var b strings.Builder
	if err := report.SARIF(&b); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version string
					Rules         []struct{ ID string }
				}
			}
			Results []struct {
				RuleID                      string
				RuleIndex                   int
				Level                       string
				Message                     struct{ Text string }
				Locations, RelatedLocations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "sarif-2.1.0") || len(log.Runs) != 1 {
		t.Fatalf("not a log of one run: %s", b.String())
	}
	run := log.Runs[0]
	if d := run.Tool.Driver; d.Name != "hardenctl" || d.Version != "1.2.3" || len(d.Rules) != 2 || d.Rules[1].ID != "dead-rule" {
		t.Errorf("got the driver %+v", d)
	}
	first, second, third := run.Results[0], run.Results[1], run.Results[2]
	at := first.Locations[0].PhysicalLocation
	if first.Level != "error" || at.ArtifactLocation.URI != "my%20site/web.toml" || at.Region.StartLine != 2 || at.Region.StartColumn != 4 {
		t.Errorf("got %+v", first)
	}
	if first.Message.Text != "services.a.ports: not <a> port\nHelp: write one" {
		t.Errorf("got %q", first.Message.Text)
	}
	if second.Level != "warning" || second.RuleIndex != 1 || second.Locations[0].PhysicalLocation.ArtifactLocation.URI != "builtin:base" ||
		second.RelatedLocations[0].PhysicalLocation.Region.StartLine != 1 || !strings.Contains(second.Message.Text, "\nExample: tcp 192.0.2.7:1 -> :22 syn") {
		t.Errorf("got %+v", second)
	}
	if third.RuleIndex != 0 || third.Locations[0].PhysicalLocation.Region.StartLine != 0 {
		t.Errorf("got %+v", third)
	}
}

// TestNothingFound holds that a clean report is one: lists, not null, and a test that passes.
func TestNothingFound(t *testing.T) {
	var sarif, junit strings.Builder
	clean := findings.Report{Profile: "web.toml", Version: "1.2.3"}
	if err := clean.SARIF(&sarif); err != nil || !strings.Contains(sarif.String(), `"results": []`) || !strings.Contains(sarif.String(), `"rules": []`) {
		t.Errorf("%v in %s", err, sarif.String())
	}
	if err := clean.JUnit(&junit); err != nil || !strings.Contains(junit.String(), `tests="1" failures="0"`) {
		t.Errorf("%v in %s", err, junit.String())
	}
}

// TestJUnit holds that tests fail where check exits 1.
func TestJUnit(t *testing.T) {
	for strict, failures := range map[bool]int{false: 2, true: 3} {
		of, b := report, strings.Builder{}
		of.Strict = strict
		if err := of.JUnit(&b); err != nil {
			t.Fatal(err)
		}
		var suites struct {
			Suite struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Cases    []struct {
					Name    string  `xml:"name,attr"`
					File    string  `xml:"file,attr"`
					Failure *string `xml:"failure"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(b.String()), &suites); err != nil {
			t.Fatal(err)
		}
		s := suites.Suite
		if s.Tests != 3 || s.Failures != failures || len(s.Cases) != 3 || s.Cases[0].Failure == nil || (s.Cases[1].Failure != nil) != strict {
			t.Errorf("strict %v: got %+v", strict, s)
		}
		if text := *s.Cases[0].Failure; !strings.Contains(text, "my site/web.toml:2:6: services.a.ports: not <a> port") {
			t.Errorf("got %q", text)
		}
	}
}
