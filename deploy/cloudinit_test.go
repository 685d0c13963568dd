package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const userDataFile = "cloud-init/user-data.yaml"

// The user-data is what cloud-init accepts; a spoilt one is not.
func TestUserDataIsValid(t *testing.T) {
	need(t, "cloud-init", "cloud-init")
	text, err := os.ReadFile(userDataFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		text  string
		valid bool
	}{
		{"as it is", string(text), true},
		{"a command that is a number", string(text) + "  - 7\n", false},
		{"without its first line", strings.TrimPrefix(string(text), "#cloud-config"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "user-data.yaml")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("cloud-init", "schema", "--config-file", file).CombinedOutput()
			if (err == nil) != test.valid {
				t.Fatalf("valid should be %v: %v\n%s", test.valid, err, out)
			}
		})
	}
}

// What the user-data does at a first boot, done here: its files are written,
// its hardenctl commands run without a terminal, and the host is what the
// profile says.
func TestUserDataHardensWithoutATerminal(t *testing.T) {
	freshHost(t)
	u := readUserData(t)
	if out, err := u.boot(t); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	plan := output(t, program, "plan", "--detailed-exitcode")
	if !strings.Contains(plan, "No changes") {
		t.Errorf("after the first boot the plan should be empty:\n%s", plan)
	}
	if rules := state(t); !strings.Contains(rules, "-p tcp -m tcp --dport 22 ") {
		t.Errorf("SSH should be open:\n%s", rules)
	}
}

// A profile that is refused at the first boot is nowhere where a later apply
// would take it.
func TestUserDataInstallsOnlyWhatWasApplied(t *testing.T) {
	freshHost(t)
	u := readUserData(t)
	if len(u.WriteFiles) != 1 {
		t.Fatalf("the test knows one file, and there are %d", len(u.WriteFiles))
	}
	const admin = `admin = ["192.0.2.0/24", "2001:db8:10::/48"]`
	text := strings.Replace(u.WriteFiles[0].Content, admin, "", 1)
	if text == u.WriteFiles[0].Content {
		t.Fatalf("the profile does not say %s:\n%s", admin, text)
	}
	u.WriteFiles[0].Content = text
	if out, err := u.boot(t); err == nil || !strings.Contains(out, "Nothing was changed") {
		t.Errorf("no admin source is known, and yet: %v\n%s", err, out)
	}
	if left := files(t, "/etc/hardenctl"); strings.Contains(left, ".toml") {
		t.Errorf("the refused profile is in place:\n%s", left)
	}
}

// Without these, a machine is bare until its first boot or after its second.
func TestUserDataInstallsTheFirewall(t *testing.T) {
	u := readUserData(t)
	for _, name := range []string{"iptables", "ipset", "iptables-persistent", "ipset-persistent"} {
		if !slices.Contains(u.Packages, name) {
			t.Errorf("the package %s is missing from %q", name, u.Packages)
		}
	}
	if last := u.Runcmd[len(u.Runcmd)-1]; !strings.HasPrefix(last, program+" apply ") {
		t.Errorf("the last command should be the apply, whose exit code counts, not %q", last)
	}
}

// userData is what the tests use of a cloud-config.
type userData struct {
	WriteFiles []writeFile `json:"write_files"`
	Packages   []string    `json:"packages"`
	Runcmd     []string    `json:"runcmd"`
}

// writeFile is an element of write_files.
type writeFile struct {
	Path        string `json:"path"`
	Permissions string `json:"permissions"` // octal
	Content     string `json:"content"`
}

// readUserData reads the user-data with the YAML reader that cloud-init has.
func readUserData(t *testing.T) userData {
	t.Helper()
	need(t, "cloud-init", "cloud-init")
	text := output(t, "/usr/bin/python3", "-c",
		"import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)", userDataFile)
	var u userData
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		t.Fatalf("%s: %v", userDataFile, err)
	}
	if len(u.WriteFiles) == 0 || len(u.Runcmd) == 0 {
		t.Fatalf("%s writes nothing or runs nothing", userDataFile)
	}
	return u
}

// write does what cloud-init does with the file.
func (f writeFile) write(t *testing.T) {
	t.Helper()
	mode, err := strconv.ParseUint(f.Permissions, 8, 12)
	if err != nil {
		t.Fatalf("%s: permissions: %v", f.Path, err)
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path, []byte(f.Content), os.FileMode(mode)); err != nil {
		t.Fatal(err)
	}
}

// boot does what cloud-init does at a first boot: it writes the files and runs
// the commands in one shell, in a session of its own, which has no terminal to
// open, and nothing to read.
func (u userData) boot(t *testing.T) (out string, err error) {
	t.Helper()
	if err := syscall.Mount("tmpfs", "/root", "tmpfs", 0, "mode=0700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount("/root", syscall.MNT_DETACH) })
	for _, f := range u.WriteFiles {
		f.write(t)
	}
	cmd := exec.Command("sh", "-c", strings.Join(u.Runcmd, "\n"))
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	text, err := cmd.CombinedOutput()
	return string(text), err
}
