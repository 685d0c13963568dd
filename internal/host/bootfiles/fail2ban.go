package bootfiles

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// fail2banNames are the files of a bundle that fail2ban reads.
var fail2banNames = []string{bundle.Fail2banFilter, bundle.Fail2banJail, bundle.Fail2banAction}

// Fail2banNotes says what is left to do for fail2ban to follow the files that
// it reads, given all files by path before and after an apply. Apply does not
// reload it: it is another's service, and what is wrong elsewhere in its
// configuration does not undo the apply.
func Fail2banNotes(layout bundle.Layout, have, want map[string][]byte) []string {
	paths := bundle.Paths(layout)
	jail := want[paths[bundle.Fail2banJail]]
	_, err := tool.Find("fail2ban-server")
	return fail2banNotes(jail != nil, err == nil, missingLog(jail), fail2banChanges(paths, have, want))
}

// fail2banNotes puts into words whether fail2ban is wanted, is installed, what
// it misses to read its log, and whether its files change.
func fail2banNotes(wanted, installed bool, missing string, changes bool) []string {
	var notes []string
	switch {
	case wanted && !installed:
		return []string{"the profile uses fail2ban, which is not installed: install fail2ban"}
	case wanted && missing != "":
		notes = append(notes, fmt.Sprintf("fail2ban and all its jails do not start while %s is missing: see fail2ban.log in the profile", missing))
	}
	if installed && changes {
		notes = append(notes, "fail2ban reads its files only at start: run `fail2ban-client reload` after the apply")
	}
	return notes
}

func fail2banChanges(paths map[string]string, have, want map[string][]byte) bool {
	for _, name := range fail2banNames {
		if path := paths[name]; !bytes.Equal(have[path], want[path]) {
			return true
		}
	}
	return false
}

// journalModules is where distributions keep Python's module for the journal.
const journalModules = "/usr/lib*/python3*/*-packages/systemd"

// missingLog returns what a jail needs to read its log and this host does not
// have. fail2ban 1.0.2 then ends as a whole, and protects nothing any more, the
// jails of others neither.
func missingLog(jail []byte) string {
	_, after, file := strings.Cut(string(jail), "\nlogpath = ")
	path, _, _ := strings.Cut(after, "\n")
	if file {
		if _, err := os.Stat(path); err != nil {
			return path
		}
		return ""
	}
	if found, _ := filepath.Glob(journalModules); len(found) == 0 {
		return "Python's systemd module (python3-systemd, or fail2ban-systemd on RHEL)"
	}
	return ""
}
