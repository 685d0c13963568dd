package extension

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/here"
)

// modulesFolder has a folder for each kernel that is installed.
const modulesFolder = "/lib/modules"

// installed returns the modules that the kernel that runs has or could load.
func installed() map[string]bool {
	names := map[string]bool{}
	for _, list := range []string{"modules.dep", "modules.builtin"} {
		text, _ := os.ReadFile(filepath.Join(modulesFolder, here.Release(), list)) // none in a container
		for line := range strings.Lines(string(text)) {
			path, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			name, _, _ := strings.Cut(filepath.Base(path), ".ko")
			names[name] = true
		}
	}
	return names
}

// folders returns where the libraries of iptables are.
func folders() []string {
	var found []string
	for _, pattern := range []string{"/usr/lib/*/xtables", "/usr/lib64/xtables", "/usr/lib/xtables", "/lib/xtables"} {
		matches, _ := filepath.Glob(pattern) // the patterns are good
		found = append(found, matches...)
	}
	return found
}

// hasLibrary reports whether there is a library for an extension, or it is unknown
// where libraries are.
func hasLibrary(name string, family ruleset.Family) bool {
	own := "libipt_"
	if family == ruleset.V6 {
		own = "libip6t_"
	}
	where := folders()
	for _, folder := range where {
		for _, prefix := range []string{"libxt_", own} {
			info, err := os.Stat(filepath.Join(folder, prefix+name+".so"))
			if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				return true
			}
		}
	}
	return len(where) == 0
}
