// Package deploy tries what others run, with the tools that they run it with:
// the Ansible tasks with ansible-playbook, the user-data with cloud-init. Both
// act on a lab, with the real command in the place where they look for it.
//
// The tools are Debian's ansible-core and cloud-init; a test whose tool is
// missing fails and names the package.
package deploy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// program is where the tasks and the user-data look for the command.
const program = "/usr/local/sbin/hardenctl"

// footprint is where an apply and the profile of a host leave files.
var footprint = []string{
	"/etc/hardenctl", "/etc/iptables", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/sysctl.d",
}

// freshHost makes the lab a host without a firewall or a profile, on which the
// command is installed.
func freshHost(t *testing.T) {
	t.Helper()
	lab.Require(t)
	if err := install(); err != nil {
		t.Fatal(err)
	}
	lab.FlushState(t)
	for _, folder := range append([]string{"/var/lib/hardenctl"}, footprint...) {
		if err := empty(folder); err != nil {
			t.Fatal(err)
		}
	}
}

// empty removes what is in a folder, if there is one.
func empty(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(folder, e.Name())))
	}
	return err
}

// install builds the command, once, into a folder that only the lab's own mount
// namespace shows.
var install = sync.OnceValue(func() error {
	if err := syscall.Mount("tmpfs", filepath.Dir(program), "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", filepath.Dir(program), err)
	}
	out, err := exec.Command("go", "build", "-o", program, "github.com/hardenctl/hardenctl/cmd/hardenctl").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the command: %w (a lab has no network: if modules are missing, run go mod download first)\n%s", err, out)
	}
	return nil
})

// need ends the test if a tool is missing.
func need(t *testing.T, tool, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Fatalf("%v: apt-get install --no-install-recommends %s", err, debianPackage)
	}
}

// output runs a tool that must succeed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// passing is what differs between two saves of one ruleset: the hour, and the
// counters of the built-in chains.
var passing = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]$`)

// state is what an apply changes, as text: rules, sets, a setting, files.
func state(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, save := range []string{"iptables-save", "ip6tables-save"} {
		text.WriteString(passing.ReplaceAllString(output(t, save), ""))
	}
	text.WriteString(output(t, "ipset", "save"))
	ttl, err := os.ReadFile("/proc/sys/net/ipv4/ip_default_ttl")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&text, "ip_default_ttl %s", ttl)
	for _, folder := range footprint {
		text.WriteString(files(t, folder))
	}
	return text.String()
}

// files lists what is in a folder, with modes and hashes; nothing if there is
// no such folder.
func files(t *testing.T, folder string) string {
	t.Helper()
	var list bytes.Buffer
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == folder {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s %s", info.Mode(), path)
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&list, " %x", sha256.Sum256(text))
		}
		list.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

// mustBe ends the test unless the state of the host is as it was.
func mustBe(t *testing.T, before string) {
	t.Helper()
	if now := state(t); now != before {
		t.Fatalf("the host has changed; it was\n%s\nand is now\n%s", before, now)
	}
}
