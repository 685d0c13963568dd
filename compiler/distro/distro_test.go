package distro

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/pages"
)

// TestEveryRowDecides holds that a row says of each extension that the kernel has
// it or lacks it, once, and says where that is known from.
func TestEveryRowDecides(t *testing.T) {
	if len(All()) < 8 || len(Extensions()) < 20 {
		t.Fatalf("the table has %d rows and %d extensions", len(All()), len(Extensions()))
	}
	for _, d := range All() {
		for _, kind := range []ruleset.ExtensionKind{ruleset.MatchExtension, ruleset.TargetExtension, ruleset.SetExtension} {
			var known, said []string
			for _, e := range Extensions() {
				if e.Kind == kind {
					known = append(known, e.Name)
				}
			}
			said = slices.Concat(d.Has.of(kind), d.Lacks.of(kind))
			slices.Sort(said)
			slices.Sort(known)
			if !slices.Equal(said, known) {
				t.Errorf("%s: of the kind %q it names %v, and the extensions are %v", d.Name, kind, said, known)
			}
		}
		if d.Kernel == "" || d.Supported == (d.Release != "") || d.Supported && (d.Install == "" || d.Modules == "" || d.Libraries == "") {
			t.Errorf("%s: without a source, or without packages: %+v", d.Name, d)
		}
	}
}

// TestEveryExtensionHasAModule holds that messages can name an option and a module.
func TestEveryExtensionHasAModule(t *testing.T) {
	for _, e := range Extensions() {
		if d, known := Lookup(e); !known || d.Option == "" || d.Module == "" {
			t.Errorf("%s: %+v", e, d)
		}
	}
}

func TestFind(t *testing.T) {
	const generic = "6.1.0-37-amd64"
	for _, test := range []struct{ name, osRelease, release, kernel, packages string }{
		{"Debian 12", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n", generic, "Debian 12", "Debian 12"},
		{"Rocky Linux 9.4", "NAME=\"Rocky Linux\"\nVERSION_ID=\"9.4\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", generic, "RHEL 9", "RHEL 9"},
		{"RHEL 10.2", "ID='rhel'\nVERSION_ID='10.2'\n", generic, "RHEL 10", "RHEL 10"},
		{"a version that the table does not have", "ID=ubuntu\nVERSION_ID=\"25.10\"\n", generic, "", "Ubuntu 26.04"},
		{"a distribution that is like another", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"22\"\n", generic, "", "Ubuntu 26.04"},
		{"WSL2", "ID=ubuntu\nVERSION_ID=\"24.04\"\n", "6.1.21.2-microsoft-standard-WSL2", "WSL2", "Ubuntu 24.04"},
		{"an unknown distribution", "ID=arch\n", generic, "", ""},
		{"no such file", "", generic, "", ""},
	} {
		host := Find(test.osRelease, test.release)
		if name(host.Kernel) != test.kernel || name(host.Packages) != test.packages {
			t.Errorf("%s: kernel %q and packages %q, want %q and %q", test.name, name(host.Kernel), name(host.Packages), test.kernel, test.packages)
		}
	}
}

func name(d *Distribution) string {
	if d == nil {
		return ""
	}
	return d.Name
}

// TestReadme holds that the README names every row.
func TestReadme(t *testing.T) {
	section := pages.Section(t, pages.README, "## Install")
	for _, d := range All() {
		if !strings.Contains(section, d.Name) {
			t.Errorf("the table of \"Install\" in the README does not name %s", d.Name)
		}
	}
}

func TestCommand(t *testing.T) {
	for id, want := range map[string]string{
		"ID=rhel\nVERSION_ID=10.1":    "dnf install iptables-nft",
		"ID=ubuntu\nVERSION_ID=22.04": "apt-get install --reinstall iptables",
	} {
		if command, _ := Find(id, "").Packages.Command("iptables"); command != want {
			t.Errorf("%q: %q, want %q", id, command, want)
		}
	}
}
