package linediff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle/linediff"
)

// script writes edits as one word each: " a -b +c".
func script(edits []linediff.Edit) string {
	var words []string
	for _, e := range edits {
		words = append(words, strings.TrimSpace(string(rune(e.Op)))+e.Line)
	}
	return strings.Join(words, " ")
}

func TestLines(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"", "", ""},
		{"a b c", "a b c", "a b c"},
		{"", "a b", "+a +b"},
		{"a b", "", "-a -b"},
		{"a b c", "a x c", "a -b +x c"},
		{"a b c d", "a x y d", "a -b -c +x +y d"},
		{"a b c", "b c d", "-a b c +d"},
		{"a a a", "a a", "a a -a"},
		{"a b c d e", "a c d x e", "a -b c d +x e"},
		{"first second", "second first", "-first second +first"},
	} {
		if got := script(linediff.Lines(strings.Fields(test.a), strings.Fields(test.b))); got != test.want {
			t.Errorf("Lines(%q, %q) = %q, want %q", test.a, test.b, got, test.want)
		}
	}
}

// apply follows a script, which must begin with a, to b; changes counts its
// edits that are not Keep.
func apply(t *testing.T, edits []linediff.Edit, a []string) (b []string, changes int) {
	t.Helper()
	previous := linediff.Keep
	for _, e := range edits {
		if e.Op != linediff.Insert {
			if len(a) == 0 || a[0] != e.Line {
				t.Fatalf("%q is not the next line of a", e.Line)
			}
			a = a[1:]
		}
		if e.Op != linediff.Delete {
			b = append(b, e.Line)
		}
		if e.Op != linediff.Keep {
			changes++
		}
		if previous == linediff.Insert && e.Op == linediff.Delete {
			t.Fatal("a Delete follows an Insert")
		}
		previous = e.Op
	}
	if len(a) > 0 {
		t.Fatalf("%d lines of a are left", len(a))
	}
	return b, changes
}

// fewestChanges is the length of a shortest script, by the table of longest
// common subsequences.
func fewestChanges(a, b []string) int {
	row := make([]int, len(b)+1)
	for i := range a {
		diagonal := 0
		for j := range b {
			above := row[j+1]
			row[j+1] = max(row[j+1], row[j])
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			}
			diagonal = above
		}
	}
	return len(a) + len(b) - 2*row[len(b)]
}

func randomLines(r *rand.Rand) []string {
	lines := make([]string, r.IntN(30))
	letters := 1 + r.IntN(6)
	for i := range lines {
		lines[i] = string(rune('a' + r.IntN(letters)))
	}
	return lines
}

func TestShortestScripts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		a, b := randomLines(r), randomLines(r)
		got, changes := apply(t, linediff.Lines(a, b), a)
		if !slices.Equal(got, b) {
			t.Fatalf("%v becomes %v, not %v", a, got, b)
		}
		if want := fewestChanges(a, b); changes != want {
			t.Fatalf("%v to %v: %d changes, %d would do", a, b, changes, want)
		}
	}
}

func numbered(n int, word string) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint(word, i)
	}
	return lines
}

// A long list with few changes, and two long lists that have nothing, or only
// every second line, in common.
func TestLongLists(t *testing.T) {
	a := numbered(100_000, "add hardenctl-bad4 ")
	few := slices.Clone(a)
	few[10], few[50_000] = "x", "y"
	few = slices.Delete(few, 70_000, 70_100)
	half := slices.Clone(a)
	for i := range half {
		if i%2 == 0 {
			half[i] += "!"
		}
	}
	for name, test := range map[string]struct {
		b       []string
		changes int
	}{
		"few changes": {few, 104},
		"nothing":     {numbered(100_000, "other "), 200_000},
		"every other": {half, 199_998},
	} {
		start := processor()
		got, changes := apply(t, linediff.Lines(a, test.b), a)
		if !slices.Equal(got, test.b) || changes != test.changes {
			t.Errorf("%s: %d changes, want %d", name, changes, test.changes)
		}
		if took := processor() - start; took > 20*time.Second { // 0.1 s as a rule; what is quadratic takes minutes
			t.Errorf("%s: took %v of processor", name, took)
		}
	}
}

// processor is the time for which this process has had a processor: what else the
// machine does is not in it.
func processor() time.Duration {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkLines(b *testing.B) {
	a := numbered(100_000, "add hardenctl-bad4 ")
	other := numbered(100_000, "other ")
	few := slices.Clone(a)
	few[10], few[99_000] = "x", "y"
	b.Run("few changes", func(b *testing.B) {
		for b.Loop() {
			linediff.Lines(a, few)
		}
	})
	b.Run("nothing in common", func(b *testing.B) {
		for b.Loop() {
			linediff.Lines(a, other)
		}
	})
}
