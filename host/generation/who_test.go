package generation

import (
	"os"
	"strings"
	"testing"
)

func TestWho(t *testing.T) {
	for _, c := range []struct {
		who  Who
		want string
	}{
		{Who{User: "root"}, "root"},
		{Who{User: "root", Sudo: "alice"}, "alice"},
		{Who{User: "root", Sudo: "forged", Login: "alice", Address: "2001:db8::7"}, "alice from 2001:db8::7"},
	} {
		if got := c.who.String(); got != c.want {
			t.Errorf("%+v is %q, want %q", c.who, got, c.want)
		}
	}
}

func TestClientIn(t *testing.T) {
	for environment, want := range map[string]string{
		"A=1\x00SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22\x00B=2": "192.0.2.7",
		"SSH_CONNECTION=::ffff:192.0.2.7 1 ::1 22\x00":              "192.0.2.7",
		"SSH_CONNECTION=fe80::7%eth0 1 fe80::1 22\x00":              "fe80::7",
		"SSH_CONNECTION=\x1b[2J 1 2 3\x00":                          "",
		"XSSH_CONNECTION=192.0.2.7 1 2 3\x00":                       "",
		"":                                                          "",
	} {
		if got := clientIn([]byte(environment)); got != want {
			t.Errorf("%q: got %q, want %q", environment, got, want)
		}
	}
}

func TestCaller(t *testing.T) {
	t.Setenv("SUDO_USER", "al\x1b[2J ice"+strings.Repeat("x", 100))
	t.Setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
	if w := Caller(); w.Sudo != "al[2Jice"+strings.Repeat("x", maxName-8) || w.Address != "192.0.2.7" || w.User == "" {
		t.Errorf("got %+v", w)
	}
	if above := parent(os.Getpid()); above != os.Getppid() {
		t.Errorf("the process above is %d, got %d", os.Getppid(), above)
	}
}
