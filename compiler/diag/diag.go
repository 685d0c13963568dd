// Package diag models what is wrong with a profile, and where.
//
// A diagnostic travels where an error would: every stage of the compiler takes
// what it can from its input, adds one diagnostic for each thing that it could
// not take, and goes on, so that one run reports everything. A nil List is
// success. The package knows no syntax and prints nothing by itself; Print is
// one renderer of a List, JSON another.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a diagnostic stops the compile.
type Severity uint8

const (
	// Error stops the compile: nothing is emitted.
	Error Severity = iota
	// Warning is reported and does not stop anything.
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText makes a severity a word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Position is a place in a source file. File is the name by which the profile
// refers to it ("web.toml", "lists/bad.txt", "builtin:base"), never an absolute
// path of the machine that compiles, so that bundles stay equal everywhere.
// Line and Column count from 1, Column in bytes; 0 means unknown.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String returns "file:line:column", without the parts that are unknown.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders positions by file, line and column.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Diagnostic is one thing that is wrong, or doubtful, in a profile or in a list
// that it uses.
type Diagnostic struct {
	// Code is a stable word for machines, such as "unknown-key".
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Position
	// Subject is the dotted path of what is wrong, such as "services.ssh.ports".
	Subject string `json:"subject,omitempty"`
	// Message says what is wrong, without the position and the subject.
	Message string `json:"message"`
	// Note says why, or what follows from it; it may be empty.
	Note string `json:"note,omitempty"`
	// Suggestion says what to write instead; it may be empty.
	Suggestion string `json:"suggestion,omitempty"`
	// Example is a packet that shows it, as `hardenctl explain` reads it; it may be empty.
	Example string `json:"example,omitempty"`
	// Related are other places that it is about.
	Related []Related `json:"related,omitempty"`
}

// ExpiresSoon is the code of a warning that a check passes over, strict or not: the day that it
// speaks of has not come.
const ExpiresSoon = "expires-soon"

// Fails reports whether a check fails by the diagnostic. A strict one fails by warnings too.
func (d Diagnostic) Fails(strict bool) bool {
	return d.Severity == Error || strict && d.Code != ExpiresSoon
}

// Related is another place that a Diagnostic is about, and what is there.
type Related struct {
	Position
	Message string `json:"message"`
}

// String returns the diagnostic in one line: `web.toml:14:9: services.ssh.ports: …`.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.Position.String())
	if d.Severity == Warning {
		b.WriteString(": warning")
	}
	if d.Subject != "" {
		b.WriteString(": " + d.Subject)
	}
	b.WriteString(": " + d.Message)
	return b.String()
}

// List is what a stage found. A List that holds no Error is success.
type List []Diagnostic

// Add appends d.
func (l *List) Add(d Diagnostic) { *l = append(*l, d) }

// Errorf appends an error at pos with a formatted message.
func (l *List) Errorf(code string, pos Position, subject, format string, args ...any) {
	l.Add(Diagnostic{Code: code, Position: pos, Subject: subject, Message: fmt.Sprintf(format, args...)})
}

// HasErrors reports whether any diagnostic in the list is an Error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Most is how many diagnostics a person is shown, besides one that counts the
// rest. A file that is not a profile at all has thousands.
const Most = 100

// Cut returns the first Most of the list, and then one that says how many more
// there were, an error if any of them was one.
func (l List) Cut() List {
	if len(l) <= Most {
		return l
	}
	rest := l[Most:]
	more := Diagnostic{
		Code: "more", Severity: Warning, Position: rest[0].Position,
		Message: fmt.Sprintf("%d more diagnostics, the first of them here", len(rest)),
	}
	if rest.HasErrors() {
		more.Severity = Error
	}
	return append(slices.Clip(l[:Most]), more)
}

// Sort puts the list in source order. Files keep the order in which they were
// first reported, so that a profile comes before what it includes; equal
// positions keep the order of the report.
func (l List) Sort() {
	rank := map[string]int{}
	for _, d := range l {
		if _, seen := rank[d.File]; !seen {
			rank[d.File] = len(rank)
		}
	}
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(rank[a.File], rank[b.File]), a.Position.Compare(b.Position))
	})
}
