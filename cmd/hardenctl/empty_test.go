package main

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
)

// A flag whose value a script left empty is not a flag that was not given:
// apply would apply another profile, and plan would save nothing.
func TestEmptyFlags(t *testing.T) {
	for _, args := range [][]string{
		{"apply", "--plan", "", "--auto-approve"}, {"apply", "--plan=", "--auto-approve"},
		{"plan", "builtin:web", "-o", ""}, {"plan", "builtin:web", "--output="},
	} {
		if got := run(t, args...); got.code != exitcode.Error || !strings.Contains(got.stderr, "the file name is empty") {
			t.Errorf("%q: exit %d, %s", args, got.code, got.stderr)
		}
	}
}
