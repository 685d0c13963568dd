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
// reload it: it is another's service, and what is wrong elsewhere in its
// configuration is no reason to go back.
func Fail2banNotes(layout bundle.Layout, have, want map[string][]byte) []string {
	_, err := tool.Find("fail2ban-server")
	return fail2banNotes(err == nil, bundle.Paths(layout), have, want)
}

func fail2banNotes(installed bool, paths map[string]string, have, want map[string][]byte) []string {
	wanted := want[paths[bundle.Fail2banJail]] != nil
	switch {
	case wanted && !installed:
		return []string{"the profile asks for fail2ban, which is not installed here: install fail2ban"}
	case installed && fail2banChanges(paths, have, want):
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
