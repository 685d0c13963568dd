package lockout

import (
	"net"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// Where no user is logged in, an admin service at which no program listens proves
// nothing: one of UDP, or one at whose port no program listens while the SSH server
// listens elsewhere.
func TestGuardKnowsWhereSSHListens(t *testing.T) {
	const (
		admins = "[access]\nadmin = [\"203.0.113.0/24\"]\n"
		closed = "the SSH server of this host listens at tcp/22, where no address of access.admin can connect (no service of the profile is open to it)"
	)
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	t.Setenv("SSH_CONNECTION", "")
	moved := webserver.OverWeb(t, admins+"[services.ssh]\nports.remove = [\"tcp/22\"]\nports.add = [\"tcp/2222\"]\n")
	require.Contains(t, run.Expect(t, 0, "plan", moved), "no program listens at the TCP ports of the admin services (tcp/2222), and no SSH server was found")
	newSSHD(t)
	for _, c := range []struct {
		name, text string
		code       int
		says       string
	}{
		{"SSH is moved, sshd is not", "[services.ssh]\nports.remove = [\"tcp/22\"]\nports.add = [\"tcp/2222\"]\n", 1,
			"no admin could log in: " + closed + "; no program listens at the TCP ports of the admin services (tcp/2222)"},
		{"a service that does not run", "[services.ssh]\nenabled = false\n[services.cockpit]\nports = [\"tcp/9090\", \"udp/9091\"]\nadmin = true\n", 1,
			closed + "; no program listens at the TCP ports of the admin services (tcp/9090)"},
		{"UDP alone", "[services.ssh]\nadmin = false\nfrom = [\"198.51.100.0/24\"]\n[services.snmp]\nports = [\"udp/161\"]\nadmin = true\n", 1,
			closed + "; the admin services have no TCP port, only udp/161"},
		{"SSH for the admins, as no admin service", "[services.ssh]\nadmin = false\nfrom = [\"203.0.113.0/24\"]\n[services.snmp]\nports = [\"udp/161\"]\nadmin = true\n", 0,
			"access.admin, at tcp/22: 203.0.113.1"},
		{"SSH at its port", "", 0, "access.admin, at tcp/22: 203.0.113.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			profile := webserver.OverWeb(t, admins+c.text)
			if c.code == 0 {
				require.Contains(t, run.Expect(t, 0, "plan", profile), c.says)
				return
			}
			require.Contains(t, run.Expect(t, 1, "apply", profile, "--auto-approve", "--confirm-within", "0"), "  risky: no admin could log in", c.says, "Nothing was changed", "--no-guard")
		})
	}
	lab.Serve(t, "tcp", 9090)
	cockpit := webserver.OverWeb(t, admins+"[services.ssh]\nenabled = false\n[services.cockpit]\nports = [\"tcp/9090\"]\nadmin = true\n")
	require.Contains(t, run.Expect(t, 0, "apply", cockpit, "--auto-approve", "--confirm-within", "0"), closed, "access.admin, at tcp/9090")
}

// A connection to a server that does not tell who has logged in shows of no admin
// that he gets in: any local user can open one, and any client. The same is true of
// a login from this host itself. A login from elsewhere shows it, and so does an
// address of the profile.
func TestGuardNeedsALogin(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		caller := lab.NewNetwork(t).Host("caller", callerV4, callerV6)
		startStandIn(t, "/usr/bin/python3", "-c", standIn, "9090")
		startStandIn(t, copiedAs(t, "/usr/bin/python3", "dropbear"), "-c", standIn, "22")
		t.Setenv("SSH_CONNECTION", "")
		const panel = "[services.panel]\nports = [\"tcp/9090\"]\nadmin = true\n"
		noLogin := func(what string) {
			t.Helper()
			out := run.Expect(t, 1, "apply", webserver.OverWeb(t, panel), "--auto-approve", "--confirm-within", "0")
			if !strings.Contains(out, "no admin access to verify") || !strings.Contains(out, "[access] admin = ") {
				t.Errorf("%s shows that an admin gets in:\n%s", what, out)
			}
		}
		noLogin("an empty host")
		for _, address := range []string{"127.0.0.1:9090", "[::1]:9090"} {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer conn.Close()
		}
		noLogin("a local user at the panel")
		holdsOpen(t, caller, "9090", "hello")
		noLogin("a client of the panel")
		logsInHere(t)
		noLogin("a login from this host itself")
		run.Expect(t, 0, "plan", webserver.OverWeb(t, panel+"[access]\nadmin = [\"203.0.113.7\"]\n"))
		holdsOpen(t, caller, "22", "login")
		run.Expect(t, 0, "apply", webserver.OverWeb(t, panel), "--auto-approve", "--confirm-within", "0")
	})
}

// logsInHere logs in over SSH from this host itself, by both families.
func logsInHere(t *testing.T) {
	t.Helper()
	for _, address := range []string{"127.0.0.1:22", "[::1]:22"} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = conn.Write([]byte("login\n"))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 8))
		require.NoError(t, err)
	}
}
