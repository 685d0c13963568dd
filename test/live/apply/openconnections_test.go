package apply

import (
	"context"
	"io"
	"net"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// Open connections do not notice that the rules under them change. These were
// open before the first rule, so that conntrack does not know them then; it
// learns of them by what the server sends.
func TestConnectionsSurvive(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		one := webserver.Variant(t)
		other := webserver.Variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`, "10\nwindow", "12\nwindow")
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		var streams []*traffic.Stream
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			streams = append(streams, traffic.OpenStream(t, client, server))
		}
		run.Expect(t, 0, "apply", one, "--auto-approve", "--confirm-within", "0", "--no-guard")
		for i := range 6 {
			run.Expect(t, 0, "apply", []string{other, one}[i%2], "--auto-approve", "--confirm-within", "0", "--no-guard")
		}
		for _, s := range streams {
			s.End(t)
		}
	})
}

// A session that is silent while the first rules come, and of which conntrack
// has never seen a packet, goes on when its client speaks first. It is that of
// an administrator who reads the plan.
func TestSilentSessionSurvivesFirstApply(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for server, err := range silentSessions(t, lab.Patience, func(profile string) {
			run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		}) {
			if err != nil {
				t.Errorf("%s: no answer: %v", server, err)
			}
		}
	})
}

// The same rules kill that session where it was not noted before: loaded by
// hand they take what it sends for the middle of no connection.
func TestSilentSessionEndsByHand(t *testing.T) {
	stage.Bare(t, "nft")
	for server, err := range silentSessions(t, traffic.Stall, func(profile string) {
		b := run.Compiled(t, profile)
		run.WithInput(t, string(b.File(bundle.Sets)), "ipset", "restore")
		run.WithInput(t, string(b.File(bundle.RulesV4)), "iptables-restore")
		run.WithInput(t, string(b.File(bundle.RulesV6)), "ip6tables-restore")
	}) {
		if err == nil {
			t.Errorf("%s: the session goes on, and what an apply does for it is not needed", server)
		}
	}
}

// silentSessions opens sessions of which conntrack sees nothing, loads a profile,
// and has each client speak and wait for an answer so long.
func silentSessions(t *testing.T, patience time.Duration, load func(profile string)) map[string]error {
	t.Helper()
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	sessions, answers := map[string]net.Conn{}, map[string]error{}
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		sessions[server] = traffic.OpenSession(t, client, server)
	}
	load(webserver.Variant(t))
	for server, conn := range sessions {
		conn.SetDeadline(time.Now().Add(patience))
		_, err := conn.Write([]byte("x"))
		require.NoError(t, err)
		_, answers[server] = io.ReadFull(conn, make([]byte, 1))
	}
	return answers
}

// Bans and counters survive an apply that changes something else, and one that
// changes how long a ban lasts.
func TestBansSurvive(t *testing.T) {
	bans := map[string]string{"hardenctl-ban-v4": "203.0.113.9", "hardenctl-ban-v6": "2001:db8:bad::"}
	changes := []struct{ name, path string }{
		{"a service more", webserver.Variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`)},
		{"another ban time", webserver.Variant(t, `ban = "1h"`, `ban = "30m"`)},
	}
	stage.OnBackends(t, func(t *testing.T) {
		for _, c := range changes {
			t.Run(c.name, func(t *testing.T) {
				stage.Wipe(t)
				run.Expect(t, 0, "apply", webserver.Variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard")
				for set, address := range bans {
					run.Tool(t, "ipset add "+set+" "+address+" timeout 1200")
				}
				for range 3 {
					net.Dial("tcp", "127.0.0.1:1") // refused, and counted
					net.Dial("tcp", "[::1]:1")
				}
				before := counted(t)
				run.Expect(t, 0, "apply", c.path, "--auto-approve", "--confirm-within", "0", "--no-guard")
				for tool, n := range counted(t) {
					if n < before[tool] || before[tool] < 3 {
						t.Errorf("%s: the rule for loopback counted %d, and %d after", tool, before[tool], n)
					}
				}
				for set, address := range bans {
					if left := banset.Remaining(t, set, address); left < 600 || left > 1200 {
						t.Errorf("%s: the ban has %d s left, want about 1200", address, left)
					}
				}
			})
		}
	})
}

// counted is what the rule for loopback has counted, by tool. It stays where it
// is: ip6tables-nft-restore 1.8.9 would drop the counters of one that is written
// anew.
func counted(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, name := range []string{"iptables", "ip6tables"} {
		save := run.Tool(t, name+"-save -c")
		found := regexp.MustCompile(`\[(\d+):\d+\] -A HARDENCTL-INPUT -i lo `).FindStringSubmatch(save)
		if found == nil {
			t.Fatalf("%s: no rule for loopback in\n%s", name, save)
		}
		counts[name], _ = strconv.Atoi(found[1])
	}
	return counts
}

// While profiles follow one another, on trial and for good, forth and back, no
// packet gets in that neither of them lets in, even where the policy would.
func TestNothingLeaks(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		hidden := lab.Serve(t, "udp", 9999)
		ctx, stop := context.WithCancel(t.Context())
		sent := make(chan int)
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			go func() { sent <- pour(ctx, s.Client, net.JoinHostPort(server, "9999")) }()
		}
		for range 2 {
			run.Tool(t, "iptables -P INPUT ACCEPT")
			run.Tool(t, "ip6tables -P INPUT ACCEPT")
			trials.TryOut(t, s.After, "1m")
			run.Expect(t, 0, "revert")
			run.Expect(t, 0, "apply", s.After, "--auto-approve", "--confirm-within", "0", "--no-guard")
			token, _ := trials.TryOut(t, s.Before, "1m")
			run.ExpectAs(t, run.Confirming, 0, "confirm", token)
		}
		stop()
		total := <-sent + <-sent
		if n := hidden.Count(); n > 0 || total == 0 {
			t.Errorf("of %d packets %d got in", total, n)
		}
		t.Logf("%d packets sent", total)
	})
}

// pour sends datagrams, some three thousand a second at most, and returns how
// many. More of them would take the processor from the applies.
func pour(ctx context.Context, from *lab.Host, address string) (sent int) {
	c, err := from.Dial("udp", address, lab.Patience)
	if err != nil {
		return 0
	}
	defer c.Close()
	for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		for range 6 {
			if _, err := c.Write([]byte("x")); err == nil {
				sent++
			}
		}
	}
	return sent
}
