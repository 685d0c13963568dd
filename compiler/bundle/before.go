package bundle

import (
	"path"
	"strings"
)

// BeforeProfile is the Profile of a bundle that is what a host had before the
// first apply.
const BeforeProfile = "before hardenctl"

// Such a bundle has, beside the rules and sets of ours that the host had (none,
// as a rule), the host's files as they were, each under its path.
const beforeFolder = "before/files"

// BeforeName returns the name of the file that a host had at an absolute path.
func BeforeName(path string) string { return beforeFolder + path }

// BeforePath returns the path at which the host had a file of that name, if it
// is one of those.
func BeforePath(name string) (at string, ok bool) {
	at, ok = strings.CutPrefix(name, beforeFolder)
	return at, ok && path.IsAbs(at) && path.Clean(at) == at && !strings.Contains(at, "\x00")
}
