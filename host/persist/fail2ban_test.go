package persist

import (
	"strings"
	"testing"

	"hardenctl/compiler/bundle"
)

// A reader of a plan is told to install fail2ban where it is wanted, and to
// reload it when a file of its changes.
func TestFail2banNotes(t *testing.T) {
	paths := bundle.Paths(bundle.Debian)
	texts := func(jail string) map[string][]byte {
		return map[string][]byte{paths[bundle.Fail2banJail]: []byte(jail), paths[bundle.Sysctl]: []byte(jail)}
	}
	sysctl := map[string][]byte{paths[bundle.Sysctl]: []byte("a")}
	for _, test := range []struct {
		name            string
		have, want      map[string][]byte
		present, absent string // what is said where fail2ban is installed, and where not
	}{
		{"nothing", nil, nil, "", ""},
		{"as it was", texts("a"), texts("a"), "", "install fail2ban"},
		{"new", nil, texts("a"), "fail2ban-client reload", "install fail2ban"},
		{"changed", texts("a"), texts("b"), "fail2ban-client reload", "install fail2ban"},
		{"gone", texts("a"), nil, "fail2ban-client reload", ""},
		{"another's file", sysctl, nil, "", ""},
	} {
		for installed, want := range map[bool]string{true: test.present, false: test.absent} {
			got := strings.Join(fail2banNotes(installed, paths, test.have, test.want), "\n")
			if !strings.Contains(got, want) || (got == "") != (want == "") {
				t.Errorf("%s, installed %v: says %q, want %q", test.name, installed, got, want)
			}
		}
	}
}
