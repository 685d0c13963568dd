package session

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What is known of both logins decides; where nothing is, they may be the same.
func TestSame(t *testing.T) {
	one, two := Session{SSH: "a 1 b 22", Server: "10 started 5"}, Session{SSH: "a 2 b 22", Server: "11 started 6"}
	for _, c := range []struct {
		name string
		a, b Session
		same bool
	}{
		{"the same", one, one, true},
		{"two logins", one, two, false},
		{"sudo in the same", one, Session{Server: one.Server}, true},
		{"sudo in another", one, Session{Server: two.Server}, false},
		{"tmux in the same", one, Session{SSH: one.SSH}, true},
		{"a process of the same number", one, Session{Server: "10 started 7"}, false},
		{"two consoles", Session{}, Session{}, true},
		{"sudo in tmux in the same, or a console", Session{}, one, true},
		{"sudo in one, and tmux in another", Session{Server: one.Server}, Session{SSH: two.SSH}, true},
	} {
		if got := c.a.Same(c.b); got != c.same || c.b.Same(c.a) != got {
			t.Errorf("%s: %v, want %v", c.name, got, c.same)
		}
	}
	if !one.Remote() || (Session{}).Remote() {
		t.Error("Remote")
	}
}

// The sshd that serves a login is found above sudo and the shell, whatever a
// program is called; the one that listens counts only where no other stands
// between.
func TestServer(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, parent int, name string) {
		line := fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 1 1\n", pid, name, parent, pid*100)
		folder := filepath.Join(proc, fmt.Sprint(pid))
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "stat"), []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	process(1, 0, "systemd")
	process(50, 1, "sshd")
	process(60, 50, "sshd-session")
	process(61, 60, "bash")
	process(62, 61, "a) S 1 (b")
	process(63, 62, "hardenctl")
	process(70, 1, "tmux: server")
	process(71, 70, "hardenctl")
	for pid, want := range map[int]string{63: "60 started 6000", 71: "", 99: ""} {
		if got := server(proc, pid); got != want {
			t.Errorf("process %d: %q, want %q", pid, got, want)
		}
	}
}

// A file is no console.
func TestConsole(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if Console(null) {
		t.Error("/dev/null is a console")
	}
}
