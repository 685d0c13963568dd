package linediff

import "slices"

// maxEdits is how many differences are looked for. The search keeps its state
// for each number of differences, which makes 4 MB at most.
const maxEdits = 1 << 10

// snake is a run of lines that stay: a[x:x+length] is b[y:y+length].
type snake struct{ x, y, length int }

// frontier is how far the search has come with some number d of edits: for each
// diagonal k = x-y from -d to d, at index k+d, the largest x that d edits reach.
// Only diagonals of the same parity as d are reached.
type frontier []int32

func (f frontier) at(k int) int { return int(f[k+len(f)/2]) }

// step returns where one more edit arrives on diagonal k, before it follows
// equal lines: by an insertion from the diagonal above, or by a deletion from
// the one below, whichever is further. d is the number of edits with this one.
func (f frontier) step(k, d int) int {
	if k == -d || k != d && f.at(k-1) < f.at(k+1) {
		return f.at(k + 1)
	}
	return f.at(k-1) + 1
}

// snakes returns the runs of lines that a shortest script keeps, in order, or
// none if such a script has more than maxEdits edits.
func snakes(a, b []string) []snake {
	var passed []frontier
	for d := 0; d <= min(maxEdits, len(a)+len(b)); d++ {
		f := make(frontier, 2*d+1)
		for k := -d; k <= d; k += 2 {
			x := start(passed, k, d)
			x += run(a, b, x, x-k)
			f[k+d] = int32(x)
			if x >= len(a) && x-k >= len(b) {
				return walkBack(passed, len(a), len(b))
			}
		}
		passed = append(passed, f)
	}
	return nil
}

// start is where d edits arrive on diagonal k, given the frontiers of fewer.
func start(passed []frontier, k, d int) int {
	if d == 0 {
		return 0
	}
	return passed[d-1].step(k, d)
}

// run counts the equal lines from a[x] and b[y] on. A step may have led past
// the end of either.
func run(a, b []string, x, y int) int {
	n := 0
	for x+n < len(a) && y+n < len(b) && a[x+n] == b[y+n] {
		n++
	}
	return n
}

// walkBack follows the way to (x, y), which takes one edit more than the last
// frontier passed, back to the start.
func walkBack(passed []frontier, x, y int) []snake {
	var way []snake
	for d := len(passed); d >= 0; d-- {
		k := x - y
		from := start(passed, k, d)
		if x > from {
			way = append(way, snake{from, from - k, x - from})
		}
		if d == 0 {
			break
		}
		x = from
		y = from - k
		if k == -d || k != d && passed[d-1].at(k-1) < passed[d-1].at(k+1) {
			y--
		} else {
			x--
		}
	}
	slices.Reverse(way)
	return way
}
