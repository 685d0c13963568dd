package login

import (
	"os"
	"testing"
)

// What is known of both logins decides; where nothing is, they may be the same.
func TestSame(t *testing.T) {
	one, two := Login{SSH: "a 1 b 22", Server: "10 started 5"}, Login{SSH: "a 2 b 22", Server: "11 started 6"}
	for _, c := range []struct {
		name string
		a, b Login
		same bool
	}{
		{"the same", one, one, true},
		{"two logins", one, two, false},
		{"sudo in the same", one, Login{Server: one.Server}, true},
		{"sudo in another", one, Login{Server: two.Server}, false},
		{"tmux in the same", one, Login{SSH: one.SSH}, true},
		{"a process of the same number", one, Login{Server: "10 started 7"}, false},
		{"two consoles", Login{}, Login{}, true},
		{"sudo in tmux in the same, or a console", Login{}, one, true},
		{"sudo in one, and tmux in another", Login{Server: one.Server}, Login{SSH: two.SSH}, true},
	} {
		if got := c.a.Same(c.b); got != c.same || c.b.Same(c.a) != got {
			t.Errorf("%s: %v, want %v", c.name, got, c.same)
		}
	}
	if !one.Remote() || (Login{}).Remote() {
		t.Error("Remote")
	}
}

// The sshd that serves a login is found above sudo and the shell, whatever a
// program is called; the one that listens counts only where no other is
// between.
func TestServer(t *testing.T) {
	proc := processes{t, t.TempDir()}
	proc.start(1, 0, "systemd")
	proc.start(50, 1, "sshd")
	proc.start(60, 50, "sshd-session")
	proc.start(61, 60, "bash")
	proc.start(62, 61, "a) S 1 (b")
	proc.start(63, 62, "hardenctl")
	proc.start(70, 1, "tmux: server")
	proc.start(71, 70, "hardenctl")
	proc.start(79, 50, "sshd-session")
	proc.start(80, 79, "sshd-session") // serves a user by that user's rights
	proc.belongsTo(80, 1000, "/usr/sbin/sshd-session")
	proc.start(81, 80, "hardenctl")
	proc.start(90, 60, "sshd") // a user's program that calls itself so
	proc.belongsTo(90, 1000, "/home/bob/sshd-of-mine/x")
	proc.start(91, 90, "hardenctl")
	proc.start(92, 61, "sshd") // the program, started by a user, and below a shell
	proc.belongsTo(92, 1000, "/usr/sbin/sshd")
	proc.start(93, 92, "hardenctl")
	for pid, want := range map[int]string{63: "60 started 6000", 71: "", 99: "", 81: "80 started 8000", 91: "60 started 6000", 93: "60 started 6000"} {
		if got := server(proc.folder, pid); got != want {
			t.Errorf("process %d: %q, want %q", pid, got, want)
		}
	}
}

// A file is not a console.
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

// What a user writes into the variable is not an address.
func TestFrom(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7 50000 192.0.2.1 22":       "192.0.2.7",
		"fe80::1%x 50000 fe80::2 22":         "fe80::1",
		"evil\nline 50000 192.0.2.1 22":      "invalid IP",
		"fe80::1%\x1b[2J 50000 192.0.2.1 22": "fe80::1",
		"":                                   "invalid IP",
	} {
		if got := (Login{SSH: text}).From().String(); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
