package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/manpage"
	"github.com/hardenctl/hardenctl/internal/cli/source"
)

var update = flag.Bool("update", false, "write the manual pages anew")

// manFolder holds the pages, which `make install` installs.
const manFolder = "../../deploy/man"

// files are what the commands read and write.
var files = []manpage.File{
	{Path: source.Default, Purpose: "the default profile; see hardenctl.toml(5)", Commands: []string{"check", "compile", "explain", "reach", "plan", "apply", "verify"}},
	{Path: "/etc/iptables/rules.v4, /etc/iptables/rules.v6, /etc/iptables/ipsets", Purpose: "the saved rules and sets on Debian; on RHEL /etc/sysconfig/iptables, ip6tables and ipset", Commands: []string{"apply", "rollback", "confirm", "restore"}},
	{Path: "/etc/hardenctl/closed.v4, /etc/hardenctl/closed.v6", Purpose: "the rules that restore loads if the saved rules or sets fail to load", Commands: []string{"apply", "rollback", "confirm", "restore"}},
	{Path: "/etc/sysctl.d/60-hardenctl.conf", Purpose: "kernel settings", Commands: []string{"apply", "rollback", "confirm", "restore"}},
	{Path: "/var/lib/hardenctl/generations", Purpose: "one folder for each generation: the bundle, the profile with its includes and lists, and the state before", Commands: []string{"apply", "rollback", "confirm", "history"}},
	{Path: "/var/lib/hardenctl/trial", Purpose: "the journal of an apply that is in progress, on trial or incomplete", Commands: []string{"apply", "rollback", "confirm", "revert"}},
	{Path: "/run/hardenctl.lock", Purpose: "the lock of the commands that change the host", Commands: []string{"apply", "rollback", "confirm", "revert", "restore"}},
	{Path: "/etc/systemd/system/hardenctl-restore.service", Purpose: "the unit that runs restore at boot; apply installs it", Commands: []string{"apply", "restore"}},
}

// withoutFiles are the commands that use no file but those that they are given.
var withoutFiles = []string{"diff", "import", "knock", "profiles"}

// TestManPages holds that there is a manual page of every command, and one of the
// profile, and that they say what the commands say today; -update writes them.
func TestManPages(t *testing.T) {
	pages := map[string][]byte{}
	for _, cmd := range commands() {
		page, err := manpage.Of(cmd, files)
		if err != nil {
			t.Fatal(err)
		}
		pages[manpage.Name(cmd)] = page
	}
	reference, err := os.ReadFile("../../docs/profile-reference.md")
	if err != nil {
		t.Fatal(err)
	}
	pages["hardenctl.toml.5"] = manpage.OfProfile(string(reference))
	for name, page := range pages {
		path := filepath.Join(manFolder, name)
		if *update {
			if err := os.WriteFile(path, page, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, page) {
			t.Errorf("%s is not what the commands say (%v); run make reference, and read the diff", name, err)
		}
	}
	there, err := filepath.Glob(manFolder + "/*.[58]")
	if err != nil || len(there) != len(pages) {
		t.Errorf("there are %d pages for %d commands and the profile (%v)", len(there), len(pages)-1, err)
	}
}
