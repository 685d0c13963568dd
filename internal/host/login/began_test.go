package login

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// processes is a /proc of a test's own.
type processes struct {
	t      *testing.T
	folder string
}

// start adds a process that started one second after the boot for each of its
// number, and leads a session of its own.
func (p processes) start(pid, parent int, name string) { p.startIn(pid, pid, parent, name, "") }

// startIn adds one in the session of another.
func (p processes) startIn(leader, pid, parent int, name, environment string) {
	p.t.Helper()
	line := fmt.Sprintf("%d (%s) S %d 1 %d 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 1 1\n", pid, name, parent, leader, pid*100)
	folder := filepath.Join(p.folder, fmt.Sprint(pid))
	if err := os.Mkdir(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	for file, text := range map[string]string{"stat": line, "environ": environment, "status": "Name:\tx\nUid:\t0\t0\t0\t0\n"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Symlink("/usr/sbin/"+name, filepath.Join(folder, "exe")); err != nil {
		p.t.Fatal(err)
	}
}

// belongsTo gives a process to a user, and another program.
func (p processes) belongsTo(pid, uid int, program string) {
	p.t.Helper()
	folder := filepath.Join(p.folder, fmt.Sprint(pid))
	exe := filepath.Join(folder, "exe")
	err := errors.Join(os.WriteFile(filepath.Join(folder, "status"), fmt.Appendf(nil, "Name:\tx\nUid:\t%[1]d\t0\t0\t0\n", uid), 0o644), os.Remove(exe), os.Symlink(program, exe))
	if err != nil {
		p.t.Fatal(err)
	}
}

// A login began with its connection. A user's began before the sshd that serves
// it, which starts when the password was right. Nothing is known of a login
// without an sshd above it, nor of one of another connection.
func TestBegan(t *testing.T) {
	const connection = "192.0.2.7 50000 192.0.2.1 22"
	proc := processes{t, t.TempDir()}
	proc.start(1, 0, "systemd")
	proc.start(50, 1, "sshd")
	proc.start(60, 50, "sshd") // root's
	proc.startIn(61, 61, 60, "bash", "A=1\x00SSH_CONNECTION="+connection+"\x00")
	proc.startIn(61, 62, 61, "hardenctl", "")
	proc.start(70, 50, "sshd") // a user's
	proc.startIn(70, 75, 70, "sshd", "")
	proc.startIn(76, 76, 75, "sudo", "SSH_CONNECTION="+connection+"\x00")
	proc.start(80, 1, "tmux: server")
	proc.startIn(50, 90, 50, "sshd-session", "") // in the session of the sshd that listens
	proc.start(91, 90, "hardenctl")
	for _, c := range []struct {
		name       string
		pid        int
		connection string
		at         time.Duration // 0 if it is not known
	}{
		{"root's", 62, connection, 60 * time.Second},
		{"under sudo", 62, "", 60 * time.Second},
		{"a user's", 76, connection, 70 * time.Second},
		{"in tmux", 80, connection, 0},
		{"of another connection", 62, "192.0.2.8 50000 192.0.2.1 22", 0},
		{"of a process that has ended", 99, "", 0},
		{"not of the sshd that listens", 91, "", 90 * time.Second},
	} {
		if at, ok := began(proc.folder, c.pid, c.connection); at != c.at || ok != (c.at > 0) {
			t.Errorf("%s: %v, %v, want %v", c.name, at, ok, c.at)
		}
	}
}
