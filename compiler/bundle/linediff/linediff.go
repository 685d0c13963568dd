// Package linediff compares two lists of lines: files of a bundle with those of
// a folder, or the rules of a chain with those that are wanted.
//
// Lines finds a shortest script of edits by the algorithm of Myers ("An O(ND)
// Difference Algorithm and Its Variations", 1986), in time and memory that grow
// with the number of differences and hardly with that of lines. Lists that
// differ in thousands of lines have little in common that a reader would look
// for: there the whole block is deleted and the other one inserted.
package linediff

// Op is what an edit does; its value is the glyph that unified diffs print.
type Op byte

// The edits. A list becomes another by going through it: each Keep line stays,
// each Delete line goes, each Insert line is added.
const (
	Keep   Op = ' '
	Delete Op = '-'
	Insert Op = '+'
)

// Edit is one step of a script.
type Edit struct {
	Op   Op
	Line string
}

// Lines returns the edits that make b of a. The lines of its Keep and Delete
// edits are a, in order; those of its Keep and Insert edits are b. Between two
// Keep edits every Delete comes before every Insert. Equal lists give Keep
// edits only.
func Lines(a, b []string) []Edit {
	head, tail := common(a, b)
	edits := make([]Edit, 0, max(len(a), len(b)))
	edits = appendAll(edits, Keep, a[:head])
	edits = appendChanged(edits, a[head:len(a)-tail], b[head:len(b)-tail])
	return appendAll(edits, Keep, a[len(a)-tail:])
}

// common counts the lines that a and b share at their start, and then those
// that the rest shares at its end.
func common(a, b []string) (head, tail int) {
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return head, tail
}

func appendAll(edits []Edit, op Op, lines []string) []Edit {
	for _, line := range lines {
		edits = append(edits, Edit{op, line})
	}
	return edits
}

// appendChanged appends the edits between a and b, run by run of changes.
func appendChanged(edits []Edit, a, b []string) []Edit {
	x, y := 0, 0
	for _, s := range snakes(a, b) {
		edits = appendAll(edits, Delete, a[x:s.x])
		edits = appendAll(edits, Insert, b[y:s.y])
		edits = appendAll(edits, Keep, a[s.x:s.x+s.length])
		x, y = s.x+s.length, s.y+s.length
	}
	edits = appendAll(edits, Delete, a[x:])
	return appendAll(edits, Insert, b[y:])
}
