package bootfiles

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// A reader of a plan is told to install fail2ban where it is wanted, to reload
// it when a file of its changes, and what would keep it from starting.
func TestFail2banNotes(t *testing.T) {
	const install, reload, start = "install fail2ban", "fail2ban-client reload", "and all its jails do not start while /x is missing"
	for _, test := range []struct {
		name              string
		wanted, installed bool
		missing           string
		changes           bool
		want              []string
	}{
		{"not wanted", false, true, "", false, nil},
		{"not wanted, not there", false, false, "/x", false, nil},
		{"as it was", true, true, "", false, nil},
		{"not there", true, false, "/x", true, []string{install}},
		{"changed", true, true, "", true, []string{reload}},
		{"not wanted any more", false, true, "/x", true, []string{reload}},
		{"nothing to read", true, true, "/x", false, []string{start}},
		{"new, and nothing to read", true, true, "/x", true, []string{start, reload}},
	} {
		got := fail2banNotes(test.wanted, test.installed, test.missing, test.changes)
		if len(got) != len(test.want) {
			t.Errorf("%s: says %q, want %q", test.name, got, test.want)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], test.want[i]) {
				t.Errorf("%s: says %q, want %q", test.name, got[i], test.want[i])
			}
		}
	}
}

func TestFail2banChanges(t *testing.T) {
	paths := bundle.Paths(bundle.Debian)
	texts := func(jail string) map[string][]byte {
		return map[string][]byte{paths[bundle.Fail2banJail]: []byte(jail), paths[bundle.Sysctl]: []byte(jail)}
	}
	for _, test := range []struct {
		name       string
		have, want map[string][]byte
		changes    bool
	}{
		{"nothing", nil, nil, false},
		{"as it was", texts("a"), texts("a"), false},
		{"new", nil, texts("a"), true},
		{"changed", texts("a"), texts("b"), true},
		{"gone", texts("a"), nil, true},
		{"another's file", map[string][]byte{paths[bundle.Sysctl]: []byte("a")}, nil, false},
	} {
		if got := fail2banChanges(paths, test.have, test.want); got != test.changes {
			t.Errorf("%s: changes %v, want %v", test.name, got, test.changes)
		}
	}
}

func TestMissingLog(t *testing.T) {
	none := filepath.Join(t.TempDir(), "kern.log")
	if got := missingLog([]byte("[hardenctl]\nlogpath = " + none + "\nmaxretry = 3\n")); got != none {
		t.Errorf("missing %q, want %q", got, none)
	}
	if got := missingLog([]byte("[hardenctl]\nlogpath = /etc/passwd\nmaxretry = 3\n")); got != "" {
		t.Errorf("missing %q, want nothing", got)
	}
}
