package coexistence

import (
	"net"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

const standingProfile = `version = 1
include = ["builtin:server"]
[access]
admin = ["192.0.2.10"]
[services.web]
`

// Where a rule of others gives a port another number, the plan says what becomes of it:
// what it calls dead is dead, what it proposes opens it, and without the rule it has no
// such note.
func TestRedirectedPorts(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		visitor := lab.NewNetwork(t).Host("visitor", "192.0.2.66/24", "2001:db8::66/64")
		lab.Serve(t, "tcp", 8080)
		apply := func(ports string) string {
			return run.Expect(t, 0, "apply", testfile.Write(t, "p.toml", standingProfile+ports), "--auto-approve", "--confirm-within", "0", "--no-guard")
		}
		for _, target := range []string{"REDIRECT --to-ports 8080", "DNAT --to-destination :8080", "DNAT --to-destination " + lab.ServerV4 + ":8080"} {
			run.Tool(t, "iptables -t nat -F PREROUTING")
			run.Tool(t, "iptables -t nat -A PREROUTING -p tcp -m tcp --dport 80 -j "+target)
			reaches := func(want80, want8080 bool) {
				t.Helper()
				for port, want := range map[string]bool{"80": want80, "8080": want8080} {
					if got := traffic.Connects(visitor, lab.ServerV4+":"+port, want); got != want {
						t.Errorf("%s: a visitor reaches %s: %v", target, port, got)
					}
				}
			}
			require.Contains(t, apply("ports = [\"tcp/80\"]"), "IPv4 nat PREROUTING, rule 1 (-p tcp -m tcp --dport 80 -j "+target, "services.web opens tcp/80, and tcp/8080 stays closed", "State \"tcp/8080\" in services.web")
			reaches(false, false)
			apply("ports = [\"tcp/80\", \"tcp/8080\"]") // as it says
			reaches(true, true)
			require.Contains(t, apply("ports = [\"tcp/8080\"]"), "services.web opens tcp/8080, which clients reach by both numbers")
			reaches(true, true)
			require.Contains(t, apply("ports = [\"tcp/80\"]\nsynproxy = true"), "services.web has synproxy at tcp/80", "Set synproxy = false there")
			run.Tool(t, "ipset flush hardenctl-ban-v4")
		}
	})
}

// A rule of others by which conntrack does not see answers to this host makes them look
// like new connections. The plan says so, and the command that it names helps.
func TestUntrackedAnswers(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		upstream := lab.NewNetwork(t).Host("upstream", "192.0.2.53/24", "2001:db8::53/64")
		require.NoError(t, upstream.Do(func() error {
			l, err := net.Listen("tcp", "192.0.2.53:853")
			if err == nil {
				t.Cleanup(func() { l.Close() })
				go func() {
					for c, err := l.Accept(); err == nil; c, err = l.Accept() {
						c.Close()
					}
				}()
			}
			return err
		}))
		asks := func() bool {
			c, err := net.DialTimeout("tcp", "192.0.2.53:853", 2*time.Second)
			if err == nil {
				c.Close()
			}
			return err == nil
		}
		run.Tool(t, "iptables -t raw -A PREROUTING -p tcp -m tcp --sport 853 -j CT --notrack")
		if !asks() {
			t.Fatal("there is no answer before the apply")
		}
		out := run.Expect(t, 0, "apply", testfile.Write(t, "p.toml", standingProfile+"ports = [\"tcp/80\"]"), "--auto-approve", "--confirm-within", "0", "--no-guard")
		const remove = "iptables -t raw -D PREROUTING -p tcp -m tcp --sport 853 -j CT --notrack"
		require.Contains(t, out, "answers to this host from tcp/853", "Remove the rule ("+remove+")")
		if asks() {
			t.Error("there is an answer, and the plan says that it is refused")
		}
		run.Tool(t, remove)
		if !asks() {
			t.Error("there is no answer after what the plan proposes")
		}
	})
}
