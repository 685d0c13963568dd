package persist

import (
	"testing"

	"hardenctl/compiler/bundle"
)

// A reader is told to reload fail2ban when a file of its changes, and only then.
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
