package generation

import (
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

func TestCaller(t *testing.T) {
	t.Setenv("SUDO_USER", "al\x1b[2J ice"+strings.Repeat("x", 100))
	t.Setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
	if w := Caller(); w.Sudo != "al[2Jice"+strings.Repeat("x", maxName-8) || w.Address != "192.0.2.7" || w.User == "" {
		t.Errorf("got %+v", w)
	}
}
