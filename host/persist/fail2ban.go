package persist

import (
	"bytes"

	"hardenctl/compiler/bundle"
	"hardenctl/host/tool"
)

// fail2banNames are the files of a bundle that fail2ban reads.
var fail2banNames = []string{bundle.Fail2banFilter, bundle.Fail2banJail, bundle.Fail2banAction}

// Fail2banNotes says what is left to do for fail2ban to follow the files that
// it reads, given all files by path before and after an apply. Apply does not
// reload it: that is another's service, and a broken file elsewhere in its
// configuration must not break an apply, or the other way round.
func Fail2banNotes(layout bundle.Layout, have, want map[string][]byte) []string {
	paths := bundle.Paths(layout)
	wanted := want[paths[bundle.Fail2banJail]] != nil
	_, err := tool.Find("fail2ban-server")
	switch {
	case wanted && err != nil:
		return []string{"the profile asks for fail2ban, which is not installed here: install fail2ban, and python3-systemd or fail2ban-systemd where it reads the journal"}
	case err == nil && fail2banChanges(paths, have, want):
		return []string{"fail2ban reads its files when it starts: run `fail2ban-client reload` after the apply"}
	}
	return nil
}

func fail2banChanges(paths map[string]string, have, want map[string][]byte) bool {
	for _, name := range fail2banNames {
		if path := paths[name]; !bytes.Equal(have[path], want[path]) {
			return true
		}
	}
	return false
}
