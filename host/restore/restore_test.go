package restore

import (
	"strings"
	"testing"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/probe"
)

// A host of whose files none is left is told family by family what is in force,
// and what to do where it was closed; one on which nothing was applied is fine.
func TestNothingLeft(t *testing.T) {
	const what = "apply your profile, or what was applied last: hardenctl history, and hardenctl rollback N"
	files := Files{Rules: map[ruleset.Family]probe.BootFile{ruleset.V4: {Path: "/rules.v4"}, ruleset.V6: {Path: "/rules.v6"}}}
	for _, c := range []struct {
		name         string
		applied      bool
		fresh        Fresh
		said, failed []string // the beginning of each line
	}{
		{"never applied", false, Fresh{ruleset.V4: true, ruleset.V6: true}, []string{"hardenctl has saved no rules here"}, nil},
		{"others filter", true, Fresh{}, []string{"IPv4: no saved rules are left", "IPv6: no saved rules are left"}, nil},
		{"others filter IPv4", true, Fresh{ruleset.V6: true}, []string{"IPv4: no saved rules are left"}, []string{"/rules.v6, which hardenctl has saved here", what}},
		{"nobody filters", true, Fresh{ruleset.V4: true, ruleset.V6: true}, nil, []string{"/rules.v4, which", "/rules.v6, which", what}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			files.Applied = c.applied
			err := nothingLeft(ruleset.Families[:], files, c.fresh, func(line string) { said = append(said, line) })
			begin(t, said, c.said)
			var failed []string
			if err != nil {
				failed = strings.Split(err.Error(), "\n")
			}
			begin(t, failed, c.failed)
		})
	}
}

// begin fails the test unless each line begins as said.
func begin(t *testing.T, lines, want []string) {
	t.Helper()
	same := len(lines) == len(want)
	for i := range want {
		same = same && strings.HasPrefix(lines[i], want[i])
	}
	if !same {
		t.Errorf("got %q, want %q", lines, want)
	}
}
