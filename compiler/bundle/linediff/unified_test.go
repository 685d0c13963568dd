package linediff_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle/linediff"
)

func TestUnified(t *testing.T) {
	const a = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n"
	for _, test := range []struct{ name, a, b, want string }{
		{"equal", a, a, ""},
		{"a change in the middle", a, strings.Replace(a, "8\n", "x\n", 1),
			"--- a\n+++ b\n@@ -5,7 +5,7 @@\n 5\n 6\n 7\n-8\n+x\n 9\n 10\n 11\n"},
		{"at both ends", a, "x\n" + strings.TrimSuffix(a, "15\n"),
			"--- a\n+++ b\n@@ -1,3 +1,4 @@\n+x\n 1\n 2\n 3\n@@ -12,4 +13,3 @@\n 12\n 13\n 14\n-15\n"},
		{"near each other", a, strings.NewReplacer("5\n6\n", "5\nx\n", "12\n", "y\n").Replace(a),
			"--- a\n+++ b\n@@ -3,13 +3,13 @@\n 3\n 4\n 5\n-6\n+x\n 7\n 8\n 9\n 10\n 11\n-12\n+y\n 13\n 14\n 15\n"},
		{"from nothing", "", "1\n", "--- a\n+++ b\n@@ -0,0 +1 @@\n+1\n"},
		{"to nothing", "1\n2\n", "", "--- a\n+++ b\n@@ -1,2 +0,0 @@\n-1\n-2\n"},
		{"the last end of line", "1\n2", "1\n2\n",
			"--- a\n+++ b\n@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+2\n"},
		{"no end of line at all", "1\n2", "0\n2",
			"--- a\n+++ b\n@@ -1,2 +1,2 @@\n-1\n+0\n 2\n\\ No newline at end of file\n"},
	} {
		got := linediff.Unified("a", "b", linediff.Split([]byte(test.a)), linediff.Split([]byte(test.b)))
		if got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestSplit(t *testing.T) {
	const note = "\n\\ No newline at end of file"
	for text, want := range map[string][]string{
		"": nil, "\n": {""}, "a\n": {"a"}, "a": {"a" + note}, "a\n\nb\r\n": {"a", "", "b\r"}, "\n\n": {"", ""},
	} {
		if got := linediff.Split([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestPatch gives the diffs of random texts to the tool that they are for.
func TestPatch(t *testing.T) {
	tool, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("patch is not installed: that it takes our diffs was NOT tested")
	}
	r := rand.New(rand.NewPCG(8, 9))
	name := filepath.Join(t.TempDir(), "file")
	for range 50 {
		a, b := randomText(r), randomText(r)
		diff := linediff.Unified("a", "b", linediff.Split([]byte(a)), linediff.Split([]byte(b)))
		if err := os.WriteFile(name, []byte(a), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(tool, "--fuzz=0", name)
		command.Stdin = strings.NewReader(diff)
		if out, err := command.CombinedOutput(); err != nil && diff != "" {
			t.Fatalf("%v: %s\n%s", err, out, diff)
		}
		if got, _ := os.ReadFile(name); string(got) != b {
			t.Fatalf("%q patched with\n%s\nis %q, want %q", a, diff, got, b)
		}
	}
}

func randomText(r *rand.Rand) string {
	text := strings.Join(randomLines(r), "\n")
	if r.IntN(2) == 0 && text != "" {
		text += "\n"
	}
	return text
}
