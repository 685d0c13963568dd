package findings_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/findings"
)

// form is what SARIF 2.1.0 says of a value in a log (OASIS, sections 3.13 to 3.58): an object's
// properties, of which it must have some; the form of a list's elements; the words of a text;
// the least of a number.
type form struct {
	object map[string]*form
	must   []string
	list   *form
	text   bool
	words  []string
	least  float64 // of a number
}

// The properties that a report of ours may have. Those of which the standard has more are named
// as far as a scanner of code reads them.
var (
	text     = &form{text: true}
	message  = &form{object: map[string]*form{"text": text, "markdown": text, "id": text}}
	region   = &form{object: map[string]*form{"startLine": {least: 1}, "startColumn": {least: 1}, "endLine": {least: 1}, "endColumn": {least: 1}}}
	artifact = &form{object: map[string]*form{"uri": text, "uriBaseId": text, "index": {least: -1}}}
	physical = &form{object: map[string]*form{"artifactLocation": artifact, "region": region, "contextRegion": region}}
	location = &form{object: map[string]*form{"id": {least: -1}, "physicalLocation": physical, "message": message}}
	rule     = &form{must: []string{"id"}, object: map[string]*form{"id": text, "name": text, "shortDescription": message, "fullDescription": message, "help": message, "helpUri": text}}
	driver   = &form{must: []string{"name"}, object: map[string]*form{"name": text, "version": text, "semanticVersion": text, "informationUri": text, "rules": {list: rule}}}
	result   = &form{must: []string{"message"}, object: map[string]*form{
		"ruleId": text, "ruleIndex": {least: -1}, "message": message, "locations": {list: location}, "relatedLocations": {list: location},
		"level": {text: true, words: []string{"none", "note", "warning", "error"}},
	}}
	run = &form{must: []string{"tool"}, object: map[string]*form{
		"tool": {must: []string{"driver"}, object: map[string]*form{"driver": driver}}, "results": {list: result},
		"columnKind": {text: true, words: []string{"utf16CodeUnits", "unicodeCodePoints"}},
	}}
	sarifLog = &form{must: []string{"version", "runs"}, object: map[string]*form{
		"$schema": text, "version": {text: true, words: []string{"2.1.0"}}, "runs": {list: run},
	}}
)

// flaws says where a value is not of a form.
func (f *form) flaws(path string, value any) (all []string) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if f.object[name] == nil {
				all = append(all, path+" has "+name)
				continue
			}
			all = append(all, f.object[name].flaws(path+"."+name, inner)...)
		}
		for _, name := range f.must {
			if v[name] == nil {
				all = append(all, path+" has no "+name)
			}
		}
	case []any:
		for i, inner := range v {
			if f.list == nil {
				return append(all, path+" is a list")
			}
			all = append(all, f.list.flaws(fmt.Sprintf("%s[%d]", path, i), inner)...)
		}
	case string:
		if !f.text || f.words != nil && !slices.Contains(f.words, v) {
			all = append(all, fmt.Sprintf("%s is %q", path, v))
		}
	case float64:
		if f.least == 0 || v < f.least || v != float64(int(v)) {
			all = append(all, fmt.Sprintf("%s is %v", path, v))
		}
	default:
		all = append(all, fmt.Sprintf("%s is %v", path, v))
	}
	return all
}

// TestSARIFIsInItsForm holds reports against the standard.
func TestSARIFIsInItsForm(t *testing.T) {
	for _, of := range []findings.Report{report, {Profile: "web.toml", Version: "1.2.3"}} {
		var b strings.Builder
		if err := of.SARIF(&b); err != nil {
			t.Fatal(err)
		}
		var log any
		if err := json.Unmarshal([]byte(b.String()), &log); err != nil {
			t.Fatal(err)
		}
		if flaws := sarifLog.flaws("log", log); flaws != nil {
			t.Errorf("%s\nin\n%s", strings.Join(flaws, "\n"), b.String())
		}
	}
}
