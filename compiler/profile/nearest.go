package profile

import "strings"

// nearest returns the candidate most like word, if one is like it enough to be
// what was meant: at most a third of it differs, and at most two letters, whatever
// their case. Of two that are equally like it the first counts.
func nearest(word string, candidates []string) (string, bool) {
	word = strings.ToLower(word)
	best, found := min(2, max(1, len(word)/3)), ""
	for _, c := range candidates {
		if len(c) > len(word)+best || len(word) > len(c)+best {
			continue
		}
		if d := distance(word, c); d < best || d == best && found == "" {
			best, found = d, c
		}
	}
	return found, found != ""
}

// distance is how many letters must be inserted, left out, replaced or swapped
// with their neighbour to make b from a.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
