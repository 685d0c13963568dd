package netset

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// maxReported is how many entries of one list are reported one by one. A list
// can be the wrong file altogether, with a million bad lines.
const maxReported = 20

// report collects what is wrong with one list. Errors go before warnings when
// there are more than it shows.
type report struct {
	file   string
	shown  [2][]diag.Diagnostic // by severity
	hidden [2]int               // by severity
	last   diag.Position        // of what is hidden
}

// place is a line and a column, in bytes; both count from 1.
type place struct{ line, column int }

// add reports one entry. why is called only if the entry will be shown.
func (r *report) add(s diag.Severity, at place, why func() *SyntaxError) {
	pos := diag.Position{File: r.file, Line: at.line, Column: at.column}
	if len(r.shown[s]) == maxReported {
		r.hide(s, 1, pos)
		return
	}
	e := why()
	r.shown[s] = append(r.shown[s], diag.Diagnostic{
		Code: e.Code, Severity: s, Position: pos, Message: e.Message, Suggestion: e.Suggestion,
	})
}

func (r *report) hide(s diag.Severity, n int, last diag.Position) {
	r.hidden[s] += n
	if last.Compare(r.last) > 0 {
		r.last = last
	}
}

// flush adds what was collected to diags, in the order of the list.
func (r *report) flush(diags *diag.List) {
	errors, warnings := r.shown[diag.Error], r.shown[diag.Warning]
	if room := maxReported - len(errors); len(warnings) > room {
		r.hide(diag.Warning, len(warnings)-room, warnings[len(warnings)-1].Position)
		warnings = warnings[:room]
	}
	all := slices.Concat(errors, warnings)
	slices.SortStableFunc(all, func(a, b diag.Diagnostic) int { return a.Position.Compare(b.Position) })
	*diags = append(*diags, all...)
	if n := r.hidden[diag.Error] + r.hidden[diag.Warning]; n > 0 {
		diags.Add(r.summary(n))
	}
}

// summary is the line for the n entries that are hidden.
func (r *report) summary(n int) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: CodeMore, Severity: diag.Warning, Position: r.last,
		Message:    fmt.Sprintf("%d more bad entries, the last of them here", n),
		Suggestion: "see whether the file is a list of addresses at all",
	}
	if r.hidden[diag.Error] > 0 {
		d.Severity = diag.Error
	}
	return d
}
