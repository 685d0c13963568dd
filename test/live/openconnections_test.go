package live

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// How long an answer is waited for that must not come, and how often a stream
// ticks.
const (
	stall = 2 * time.Second
	tick  = 20 * time.Millisecond
)

// Open connections do not notice that the rules under them change. These were
// open before the first rule, so that conntrack does not know them then; it
// learns of them by what the server sends.
func TestConnectionsSurvive(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		one := variant(t)
		other := variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`, "10\nwindow", "12\nwindow")
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		var streams []*stream
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			streams = append(streams, openStream(t, client, server))
		}
		expect(t, 0, "apply", one, "--auto-approve", "--confirm-within", "0", "--no-guard")
		for i := range 6 {
			expect(t, 0, "apply", []string{other, one}[i%2], "--auto-approve", "--confirm-within", "0", "--no-guard")
		}
		for _, s := range streams {
			s.end(t)
		}
	})
}

// A session that is silent while the first rules come, and of which conntrack
// has never seen a packet, goes on when its client speaks first. It is that of
// an administrator who reads the plan.
func TestSilentSessionSurvivesFirstApply(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		for server, err := range silentSessions(t, lab.Patience, func(profile string) {
			expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
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
	bare(t, "nft")
	for server, err := range silentSessions(t, stall, func(profile string) {
		b := compiled(t, profile)
		fed(t, string(b.File(bundle.Sets)), "ipset", "restore")
		fed(t, string(b.File(bundle.RulesV4)), "iptables-restore")
		fed(t, string(b.File(bundle.RulesV6)), "ip6tables-restore")
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
		sessions[server] = openSession(t, client, server)
	}
	load(variant(t))
	for server, conn := range sessions {
		conn.SetDeadline(time.Now().Add(patience))
		_, err := conn.Write([]byte("x"))
		must(t, err)
		_, answers[server] = io.ReadFull(conn, make([]byte, 1))
	}
	return answers
}

// openSession connects to a service of the test on port 443 that echoes.
func openSession(t *testing.T, client *lab.Host, server string) net.Conn {
	t.Helper()
	address := net.JoinHostPort(server, "443")
	l, err := net.Listen("tcp", address)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go echo(l)
	conn, err := client.Dial("tcp", address, lab.Patience)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// stream is a connection on which both sides send without a pause.
type stream struct {
	server  string
	conn    net.Conn
	done    chan struct{}
	longest time.Duration
	ticks   atomic.Int64
	err     error
	resent  uint32 // segments that the client has sent again
}

// openStream opens a session on which both sides send without a pause.
func openStream(t *testing.T, client *lab.Host, server string) *stream {
	t.Helper()
	s := &stream{server: server, conn: openSession(t, client, server), done: make(chan struct{})}
	go s.run()
	return s
}

func echo(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	io.Copy(c, c)
}

// run sends and waits for the echo, again and again, until the connection is
// closed.
func (s *stream) run() {
	defer close(s.done)
	buffer := make([]byte, 1)
	for {
		sent := time.Now()
		s.conn.SetDeadline(sent.Add(lab.Patience))
		if _, s.err = s.conn.Write(buffer); s.err != nil {
			return
		}
		if _, s.err = io.ReadFull(s.conn, buffer); s.err != nil {
			return
		}
		s.longest = max(s.longest, time.Since(sent))
		if info := lab.TCPInfo(s.conn); info != nil {
			s.resent = info.Total_retrans
		}
		s.ticks.Add(1)
		time.Sleep(tick)
	}
}

// goesOn waits for five more ticks.
func (s *stream) goesOn(t *testing.T) {
	t.Helper()
	before := s.ticks.Load()
	lab.Await(t, "a stream that goes on", func() bool { return s.ticks.Load() >= before+5 })
}

// mostResent is how often a stream may lose a segment: when rules change, the one
// or the other packet may meet none of them.
const mostResent = 3

// end hangs up, and fails the test if the stream broke or stalled before. How long
// it took is noted: what else this machine does changes that.
func (s *stream) end(t *testing.T) {
	t.Helper()
	s.conn.Close()
	<-s.done
	if s.err == nil || !strings.Contains(s.err.Error(), "use of closed network connection") {
		t.Errorf("%s: the stream broke after %d ticks: %v", s.server, s.ticks.Load(), s.err)
	}
	if n := s.ticks.Load(); s.resent > mostResent || n < 5 {
		t.Errorf("%s: %d ticks, and %d segments were sent again", s.server, n, s.resent)
	}
	t.Logf("%s: %d ticks, the longest took %v, %d segments were sent again", s.server, s.ticks.Load(), s.longest, s.resent)
}

// Bans and counters survive an apply that changes something else, and one that
// changes how long a ban lasts.
func TestBansSurvive(t *testing.T) {
	bans := map[string]string{"hardenctl-ban-v4": "203.0.113.9", "hardenctl-ban-v6": "2001:db8:bad::"}
	changes := []struct{ name, path string }{
		{"a service more", variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`)},
		{"another ban time", variant(t, `ban = "1h"`, `ban = "30m"`)},
	}
	onBackends(t, func(t *testing.T) {
		for _, c := range changes {
			t.Run(c.name, func(t *testing.T) {
				wipe(t)
				expect(t, 0, "apply", variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard")
				for set, address := range bans {
					tool(t, "ipset add "+set+" "+address+" timeout 1200")
				}
				for range 3 {
					net.Dial("tcp", "127.0.0.1:1") // refused, and counted
					net.Dial("tcp", "[::1]:1")
				}
				before := counted(t)
				expect(t, 0, "apply", c.path, "--auto-approve", "--confirm-within", "0", "--no-guard")
				for tool, n := range counted(t) {
					if n < before[tool] || before[tool] < 3 {
						t.Errorf("%s: the rule for loopback counted %d, and %d after", tool, before[tool], n)
					}
				}
				for set, address := range bans {
					if left := remaining(t, set, address); left < 600 || left > 1200 {
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
		save := tool(t, name+"-save -c")
		found := regexp.MustCompile(`\[(\d+):\d+\] -A HARDENCTL-INPUT -i lo `).FindStringSubmatch(save)
		if found == nil {
			t.Fatalf("%s: no rule for loopback in\n%s", name, save)
		}
		counts[name], _ = strconv.Atoi(found[1])
	}
	return counts
}

// remaining is how many seconds a ban has left; -1 if there is none.
func remaining(t *testing.T, set, address string) int {
	t.Helper()
	out, err := exec.Command("ipset", "save", set).Output()
	must(t, err)
	found := regexp.MustCompile(fmt.Sprintf(`(?m)^add %s %s timeout (\d+)`, set, regexp.QuoteMeta(address))).FindStringSubmatch(string(out))
	if found == nil {
		return -1
	}
	seconds, _ := strconv.Atoi(found[1])
	return seconds
}

// While profiles follow one another, on trial and for good, forth and back, no
// packet gets in that neither of them lets in, even where the policy would.
func TestNothingLeaks(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		hidden := lab.Serve(t, "udp", 9999)
		ctx, stop := context.WithCancel(t.Context())
		sent := make(chan int)
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			go func() { sent <- pour(ctx, s.client, net.JoinHostPort(server, "9999")) }()
		}
		for range 2 {
			tool(t, "iptables -P INPUT ACCEPT")
			tool(t, "ip6tables -P INPUT ACCEPT")
			tryOut(t, s.after, "1m")
			expect(t, 0, "revert")
			expect(t, 0, "apply", s.after, "--auto-approve", "--confirm-within", "0", "--no-guard")
			token, _ := tryOut(t, s.before, "1m")
			expectAs(t, confirming, 0, "confirm", token)
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
