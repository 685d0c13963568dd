package exitcode

import (
	"strings"
	"testing"
)

// TestText shows the codes of a command as help prints them.
func TestText(t *testing.T) {
	const want = `  0  no trial is pending any more
  1  error; the trial could not be ended now
  4  an apply is incomplete: it was confirmed but could not be completed, or its
     journal cannot be read
  5  the change was made, but the output could not be written
  6  nothing was changed: another program held a lock for too long; the trial
     continues; try again
`
	if got := Text(Of("revert")); got != want {
		t.Errorf("got:\n%s", got)
	}
	if got := Text(Of("gone")); got != "" {
		t.Errorf("a command that the table does not have: %q", got)
	}
}

// TestTable holds that the codes come in order, that each has one general meaning,
// and that each command has one meaning of a code, a success among them.
func TestTable(t *testing.T) {
	last, succeeds := -1, map[string]bool{}
	seen := map[string]int{}
	for _, r := range Table {
		switch {
		case r.Code < last:
			t.Errorf("code %d comes after %d", r.Code, last)
		case len(r.Commands) == 0 && r.Code != last+1:
			t.Errorf("code %d has two general meanings, or %d has none", r.Code, last+1)
		case len(r.Commands) > 0 && r.Code != last:
			t.Errorf("code %d has no general meaning", r.Code)
		}
		last = r.Code
		for _, c := range r.Commands {
			if before, ok := seen[c]; ok && before == r.Code {
				t.Errorf("%s has two meanings of code %d", c, r.Code)
			}
			seen[c] = r.Code
			succeeds[c] = succeeds[c] || r.Code == OK
		}
		if strings.HasSuffix(r.Meaning, ".") {
			t.Errorf("%d: a meaning is not a sentence: %s", r.Code, r.Meaning)
		}
	}
	for c := range seen {
		if !succeeds[c] {
			t.Errorf("%s never succeeds", c)
		}
	}
}
