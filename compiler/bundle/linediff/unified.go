package linediff

import (
	"fmt"
	"strings"
)

// context is how many lines that stay are shown round each change.
const context = 3

// Split cuts a text into lines without their ends. A last line that has no end
// carries the note that diff and patch know for it, so that it differs from
// one that has.
func Split(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	last := len(lines) - 1
	if lines[last] == "" {
		return lines[:last]
	}
	lines[last] += "\n\\ No newline at end of file"
	return lines
}

// Unified returns the edits that make b of a in the format of `diff -u`, under
// two header lines with the names, or "" when a and b are equal.
func Unified(nameA, nameB string, a, b []string) string {
	edits := Lines(a, b)
	var out strings.Builder
	for _, h := range hunks(edits) {
		if out.Len() == 0 {
			out.WriteString(Header(nameA, nameB))
		}
		h.write(&out, edits)
	}
	return out.String()
}

// Header returns the two lines at the top of a unified diff.
func Header(nameA, nameB string) string {
	return "--- " + nameA + "\n+++ " + nameB + "\n"
}

// hunk is the edits from start to end, which are at the lines lineA and lineB,
// counted from 0, of the two lists.
type hunk struct{ start, end, lineA, lineB int }

// hunks groups the changes with their context; changes whose contexts meet
// share a hunk.
func hunks(edits []Edit) []hunk {
	var all []hunk
	lineA, lineB := 0, 0
	for i, e := range edits {
		if e.Op != Keep {
			before := min(context, i)
			if n := len(all); n > 0 && i-before <= all[n-1].end {
				all[n-1].end = i + 1 + context
			} else {
				all = append(all, hunk{i - before, i + 1 + context, lineA - before, lineB - before})
			}
		}
		if e.Op != Insert {
			lineA++
		}
		if e.Op != Delete {
			lineB++
		}
	}
	if n := len(all); n > 0 {
		all[n-1].end = min(all[n-1].end, len(edits))
	}
	return all
}

func (h hunk) write(out *strings.Builder, edits []Edit) {
	edits = edits[h.start:h.end]
	var countA, countB int
	for _, e := range edits {
		if e.Op != Insert {
			countA++
		}
		if e.Op != Delete {
			countB++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", lineRange(h.lineA, countA), lineRange(h.lineB, countB))
	for _, e := range edits {
		out.WriteByte(byte(e.Op))
		out.WriteString(e.Line)
		out.WriteByte('\n')
	}
}

// lineRange writes count lines from line on, which counts from 0, as diff does:
// from 1, without a count of 1, and no lines as the line before them.
func lineRange(line, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", line)
	case 1:
		return fmt.Sprint(line + 1)
	}
	return fmt.Sprintf("%d,%d", line+1, count)
}
