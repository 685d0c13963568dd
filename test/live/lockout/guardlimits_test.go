package lockout

import (
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A source that cannot send a packet, as a forged SSH_CONNECTION may say, is
// one of which nothing can be proven: that is a refusal like others.
func TestGuardCannotTry(t *testing.T) {
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	before := stage.TakePicture(t)
	t.Setenv("SSH_CONNECTION", "224.0.0.1 50000 192.0.2.1 22")
	require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0"),
		"cannot verify admin access: no network to try it in: 224.0.0.1 at eth0")
	stage.TakePicture(t).Is(t, before)
}

// Of a caller who comes by a tunnel the plan says that the tunnel was not tried.
func TestGuardNamesTunnels(t *testing.T) {
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	run.Tool(t, "ip tuntap add dev tun0 mode tun")
	run.Tool(t, "ip address add 10.8.0.1/24 dev tun0")
	run.Tool(t, "ip link set tun0 up")
	run.Tool(t, "ip xfrm policy add src 10.7.0.0/24 dst 192.0.2.1/32 dir in tmpl src 203.0.113.7 dst 192.0.2.1 proto esp mode tunnel")
	for _, c := range []struct{ far, near, says string }{
		{"10.8.0.2", "10.8.0.1", "10.8.0.2 comes by tun0, a tunnel (tuntap)"},
		{"10.7.0.2", "192.0.2.1", "10.7.0.2 comes by IPsec"},
		{callerV4, "192.0.2.1", ""},
	} {
		t.Setenv("SSH_CONNECTION", c.far+" 50000 "+c.near+" 22")
		out, code := run.Outcome(t, exec.Command(run.Binary(t), "plan", "builtin:web"))
		if code != 0 || !strings.Contains(out, c.says) || strings.Contains(out, "what carries it") != (c.says != "") {
			t.Errorf("%s: exit %d, want %q:\n%s", c.far, code, c.says, out)
		}
	}
}

// Under sudo, which takes SSH_CONNECTION out of the environment, who asks is known
// by the shell above, also where another program than OpenSSH serves him: at a
// port that no service of the profile states he would be locked out. A login of
// the past, as above a tmux, is none.
func TestGuardKnowsCallersUnderSudo(t *testing.T) {
	stage.Bare(t, "nft")
	caller := lab.NewNetwork(t).Host("caller", callerV4)
	lab.Serve(t, "tcp", 2222)
	conn, err := caller.Dial("tcp", lab.ServerV4+":2222", lab.Patience)
	require.NoError(t, err)
	defer conn.Close()
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	require.NoError(t, err)
	profile := webserver.OverWeb(t, "[access]\nadmin = [\"203.0.113.0/24\"]\n")
	for _, c := range []struct {
		far  string
		code int
	}{{port, 1}, {"1", 0}} {
		shell := exec.Command("sh", "-c", `env -u SSH_CONNECTION "$0" apply "$1" --auto-approve --confirm-within 0; exit $?`, run.Binary(t), profile)
		shell.Env = []string{"SSH_CONNECTION=" + callerV4 + " " + c.far + " " + lab.ServerV4 + " 2222"}
		out, got := run.Outcome(t, shell)
		if got != c.code || strings.Contains(out, "this would lock out "+callerV4+" (your SSH connection) at tcp/2222") != (c.code == 1) {
			t.Errorf("connected from port %s: exit %d, want %d:\n%s", c.far, got, c.code, out)
		}
	}
}

// A client whose connection no program has accepted is not logged in: in a storm on
// SSH there is always one, and it must not stop a blocklist that holds it.
func TestGuardSkipsAConnectionWithoutLogin(t *testing.T) {
	stage.Bare(t, "nft")
	caller := lab.NewNetwork(t).Host("caller", callerV4)
	deaf, err := net.Listen("tcp", ":22")
	require.NoError(t, err)
	defer deaf.Close()
	waits, err := caller.Dial("tcp", lab.ServerV4+":22", lab.Patience)
	require.NoError(t, err)
	defer waits.Close()
	t.Setenv("SSH_CONNECTION", "")
	found := access(t, webserver.OverWeb(t, "[access]\nadmin = [\"203.0.113.9\"]\nblock = [\"198.51.100.0/24\"]\n"))
	if err := found.Refusal(); err != nil || len(found.Sources) != 1 {
		t.Errorf("callers %+v, refusal %v", found.Sources, err)
	}
}

// Of the logins from one /64, each is tried that a rule tells
// apart by the exact address. They are tried one after the other, since limits
// count them as one source.
func TestGuardTriesNeighbours(t *testing.T) {
	const first, second = "2001:db8:10::2", "2001:db8:10::3"
	stage.Bare(t, "nft")
	caller := lab.NewNetwork(t).Host("caller", first, second)
	server, err := net.Listen("tcp", ":22")
	require.NoError(t, err)
	defer server.Close()
	for _, from := range []string{first, second} {
		conn, err := caller.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(from), 0), "tcp", "["+lab.ServerV6+"]:22", traffic.Stall)
		require.NoError(t, err)
		defer conn.Close()
		held, err := server.Accept()
		require.NoError(t, err)
		defer held.Close()
	}
	t.Setenv("SSH_CONNECTION", "")
	for _, c := range []struct {
		name, text string
		tried      int
		refused    string // who is; empty for none
	}{
		{"no rule tells them apart", "", 1, ""},
		{"one is blocked", "[access]\nblock = [\"2001:db8:10::3\"]\n", 2, second},
		{"both are blocked", "[access]\nblock = [\"2001:db8:10::/64\"]\n", 1, first},
		{"one is an admin, in a block", "[access]\nadmin = [\"2001:db8:10::2\"]\nblock = [\"2001:db8:10::/125\"]\n", 2, second},
		{"one has a service more, and both one limit", "[services.ssh]\nnew_per_source = \"1/hour burst 4\"\n" +
			"[services.metrics]\nports = [\"tcp/9100\"]\nfrom = [\"2001:db8:10::3\"]\n", 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := access(t, webserver.OverWeb(t, c.text))
			if found.Unproven != "" || len(found.Sources) != c.tried {
				t.Fatalf("found %+v, want %d callers", found, c.tried)
			}
			for _, caller := range found.Sources {
				if (caller.Refused != "") != (caller.Address == c.refused) {
					t.Errorf("%s is refused %q", caller.Address, caller.Refused)
				}
			}
		})
	}
}
