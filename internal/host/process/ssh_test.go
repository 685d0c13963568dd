package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/process"
)

// A process serves a login by SSH if root started it, or if it is the part of sshd
// that has its user's rights. What a user starts is none, whatever it is called.
func TestSSHServer(t *testing.T) {
	const sshd = "/usr/sbin/sshd"
	proc := t.TempDir()
	add := func(pid, parent, uid int, program string) {
		t.Helper()
		folder := filepath.Join(proc, fmt.Sprint(pid))
		must(t, os.Mkdir(folder, 0o755))
		stat := fmt.Sprintf("%d (x) S %d 1 %d 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 1 1\n", pid, parent, pid, pid)
		must(t, os.WriteFile(filepath.Join(folder, "stat"), []byte(stat), 0o644))
		must(t, os.WriteFile(filepath.Join(folder, "status"), fmt.Appendf(nil, "Name:\tx\nUid:\t%[1]d\t0\t0\t0\n", uid), 0o644))
		must(t, os.Symlink(program, filepath.Join(folder, "exe")))
	}
	add(1, 0, 0, sshd) // as in a container
	add(10, 1, 0, sshd)
	add(20, 10, 0, sshd)
	add(21, 20, 1000, sshd)
	add(22, 21, 1000, sshd)
	add(30, 20, 1000, "/home/bob/sshd")
	add(31, 1, 1000, sshd)
	add(40, 1, 0, "/usr/sbin/dropbear")
	add(41, 40, 1000, "/usr/sbin/dropbear")
	add(50, 20, 0, "/bin/bash")
	for pid, want := range map[int]string{
		10: "sshd", 20: "sshd", 21: "sshd", // root's, and its part with the user's rights
		22: "", 30: "", 31: "", // started by the user; a copy; an orphan
		40: "dropbear", 41: "", 50: "", 99: "",
	} {
		if got := process.SSHServer(proc, pid); got != want {
			t.Errorf("process %d: got %q, want %q", pid, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
