package login

import (
	"os"
	"os/exec"
	"testing"
)

func TestConnectionIn(t *testing.T) {
	for environment, want := range map[string]string{
		"A=1\x00SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22\x00B=2":      "192.0.2.7:50000 192.0.2.1:22",
		"SSH_CONNECTION=::ffff:192.0.2.7 1 2001:db8::1 22\x00":           "192.0.2.7:1 [2001:db8::1]:22",
		"SSH_CONNECTION=fe80::7%eth0 1 fe80::1%eth0 22\x00":              "[fe80::7%eth0]:1 [fe80::1%eth0]:22",
		"SSH_CONNECTION=\x1b[2J 1 2 3\x00":                               "",
		"SSH_CONNECTION=192.0.2.7 1 192.0.2.1 70000\x00":                 "",
		"SSH_CONNECTION=192.0.2.7\x00":                                   "",
		"XSSH_CONNECTION=192.0.2.7 1 192.0.2.1 22\x00":                   "",
		"SSH_CONNECTION=\x00SSH_CONNECTION=192.0.2.7 1 192.0.2.1 22\x00": "192.0.2.7:1 192.0.2.1:22",
		"": "",
	} {
		c, ok := connectionIn([]byte(environment))
		got := ""
		if ok {
			got = c.Far.String() + " " + c.Near.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", environment, got, want)
		}
	}
}

// What sudo has taken out of the environment is in that of a process above.
func TestConnected(t *testing.T) {
	if os.Getenv("BELOW") != "" {
		if c := Connected(); c.Far.String() != "192.0.2.7:50000" || c.Own {
			t.Errorf("got %+v", c)
		}
		return
	}
	t.Setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
	if c := Connected(); c.Near.String() != "192.0.2.1:22" || !c.Own {
		t.Errorf("got %+v", c)
	}
	shell := exec.Command("sh", "-c", `env -u SSH_CONNECTION BELOW=1 "$0" -test.run '^TestConnected$'; exit $?`, os.Args[0])
	if out, err := shell.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
