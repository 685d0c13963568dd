package findings

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// SARIF writes a report as SARIF 2.1.0, the form of code scanners (OASIS, "Static Analysis
// Results Interchange Format"): one run with a result for each diagnostic.
func (r Report) SARIF(w io.Writer) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "hardenctl", Version: r.Version, Rules: []sarifRule{}}}, Results: []sarifResult{}, ColumnKind: "unicodeCodePoints"}
	for _, d := range r.List {
		at := slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarifRule) bool { return rule.ID == d.Code })
		if at < 0 {
			at = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{d.Code})
		}
		run.Results = append(run.Results, r.result(d, at))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func (r Report) result(d diag.Diagnostic, rule int) sarifResult {
	result := sarifResult{
		RuleID: d.Code, RuleIndex: rule, Level: d.Severity.String(), Message: sarifMessage{words(d)},
		Locations: []sarifLocation{{PhysicalLocation: r.physical(d.Position)}},
	}
	for i, other := range d.Related {
		result.Related = append(result.Related, sarifLocation{ID: i + 1, PhysicalLocation: r.physical(other.Position), Message: &sarifMessage{other.Message}})
	}
	return result
}

// physical is a place, with its column in characters.
func (r Report) physical(p diag.Position) sarifPhysical {
	at := sarifPhysical{Artifact: sarifArtifact{uri(p.File)}}
	if p.Line > 0 {
		at.Region = &sarifRegion{StartLine: p.Line, StartColumn: p.Column}
		if line := lineOf(r.Text(p.File), p.Line); p.Column > 0 && p.Column-1 <= len(line) {
			at.Region.StartColumn = utf8.RuneCount(line[:p.Column-1]) + 1
		}
	}
	return at
}

// uri is the name of a file as SARIF wants it. That of a built-in profile is one already.
func uri(file string) string {
	if strings.HasPrefix(file, "builtin:") {
		return file
	}
	return (&url.URL{Path: filepath.ToSlash(file)}).String()
}

// The parts of a SARIF log that a report has (sections 3.13 to 3.30 of the standard).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		Results    []sarifResult `json:"results"`
		ColumnKind string        `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		ID               int           `json:"id,omitempty"`
		PhysicalLocation sarifPhysical `json:"physicalLocation"`
		Message          *sarifMessage `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)
