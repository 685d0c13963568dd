package forward

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/dockerd"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// published are the ports that Docker sends on to the container "one". Nothing
// states 9090, 5454 and 9100 to 9111.
var published = []string{"8080:80", "8081:80", "8082:80", "9090:80", "5353:53/udp", "5454:53/udp", "9100-9111:9100-9111"}

// A published port is open only if a service states it, whichever was there
// first, Docker or hardenctl, and whichever of them starts anew.
func TestPublished(t *testing.T) { publishedOn(t, "nft") }

// TestPublishedLegacy is TestPublished on the other backend.
func TestPublishedLegacy(t *testing.T) {
	for range suite.NewSlice(t, 1, 1).Numbers() {
		publishedOn(t, "legacy")
	}
}

func publishedOn(t *testing.T, backend string) {
	t.Helper()
	stage.Bare(t, backend)
	path := testfile.Write(t, "published.toml", dockerd.Publishing)
	other := testfile.Write(t, "other.toml", strings.Replace(dockerd.Publishing, `inside = ["docker0", "br-+"]`, "", 1))
	network := lab.NewNetwork(t)
	scanner := network.Host("scanner", "192.0.2.66/24", "2001:db8::66/64")
	neighbour := network.Host("neighbour", "192.0.2.67/24", "2001:db8::67/64")
	d := inhabited(t)
	run.Tool(t, "ip -n neighbour route add 172.17.0.0/16 via "+lab.ServerV4)
	run.Tool(t, "ip -n neighbour route add fd00:d0c::/64 via "+lab.ServerV6)
	run.Tool(t, "ip link set docker0 mtu 1400")
	traffic.OnFamilies(t, "before", func(t *testing.T, f traffic.Family) {
		tellsEarly(t, scanner, f, true)
		traffic.Reaches(t, scanner, f.Server, 8082, 1)
		traffic.Reaches(t, scanner, f.Server, 9090, 1)
		traffic.Reaches(t, neighbour, d.Address(t, "one", f.Docker), 80, 1)
	})

	before := dockerd.Rules(t)
	run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	dockerd.UntouchedBy(t, before)
	defended(t, network)
	traffic.OnFamilies(t, "past the published ports", func(t *testing.T, f traffic.Family) {
		traffic.Refused(t, neighbour, d.Address(t, "one", f.Docker), 80)
	})
	outside := network.Host("outside", "192.0.2.99/24", "2001:db8::99/64")
	forwarding.Greets(t, outside.Command(t.Context(), forwarding.Greeter(t)))
	within(t, outside, d)
	behindProxy(t, network)
	within(t, outside, d)
	dockerd.UntouchedBy(t, before)

	run.Expect(t, 0, "apply", other, "--auto-approve", "--confirm-within", "0", "--no-guard")
	dockerd.UntouchedBy(t, before)
	sees(t, scanner, "tcp/8080", "tcp/8081")
	within(t, outside, d)

	d.Stop(t)
	d.Start(t, dockerd.WithIPv6...) // puts its rules before all others in FORWARD
	sees(t, scanner, "tcp/8080", "tcp/8081")
	run.Expect(t, 0, "plan", other, "--detailed-exitcode")

	d.Stop(t)
	stage.Wipe(t)
	run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	d.Start(t)
	sees(t, scanner, "tcp/8080", "tcp/8081")
	run.Expect(t, 0, "plan", path, "--detailed-exitcode")
	before = dockerd.Rules(t)
	run.Expect(t, 0, "apply", other, "--auto-approve", "--confirm-within", "0", "--no-guard")
	dockerd.UntouchedBy(t, before)
}

// behindProxy has the services ask for the proxy, which then answers for the
// container.
func behindProxy(t *testing.T, network *lab.Bench) {
	t.Helper()
	customer := network.Host("customer", "192.0.2.31/24", "2001:db8:31::31")
	text := strings.Replace(dockerd.Publishing, "ports = [", "synproxy = true\nports = [", 2)
	run.Expect(t, 0, "apply", testfile.Write(t, "proxied.toml", text), "--auto-approve", "--confirm-within", "0", "--no-guard")
	traffic.OnFamilies(t, "proxied", func(t *testing.T, f traffic.Family) {
		traffic.Reaches(t, customer, f.Server, 8080, 10)
		traffic.Reaches(t, customer, f.Server, 8081, 3)
		traffic.Refused(t, customer, f.Server, 8081)
	})
	for _, family := range []int{4, 6} {
		if traffic.Packets(t, family, "HARDENCTL-COOKIE", "SYNPROXY") < 10 {
			t.Errorf("IPv%d: the proxy had nothing to do", family)
		}
	}
}

// inhabited returns a Docker with two containers, of which one publishes, and a
// network beside the default one.
func inhabited(t *testing.T) *dockerd.Daemon {
	t.Helper()
	d := dockerd.New(t)
	d.Start(t, dockerd.WithIPv6...)
	d.Load(t)
	d.Run(t, "one", published...)
	d.Run(t, "two")
	d.Do(t, "network create own")
	return d
}

// sees scans the published TCP ports but for the range, and a container's own
// port, and wants these open and the others filtered. It leaves no
// ban, and no count of the limited service.
func sees(t *testing.T, from *lab.Host, open ...string) {
	t.Helper()
	traffic.OnFamilies(t, "scan", func(t *testing.T, f traffic.Family) {
		scan := scanned(t, from, f, "-sS", "80,8080,8081,8082,9090")
		if silent := scan.In("filtered"); !slices.Equal(scan.Open(), open) || len(silent) != 5-len(open) {
			t.Errorf("the scanner sees %v, want %v open and the others filtered", scan, open)
		}
	})
	for _, set := range []string{"ban-v4", "seen-v4", "ban-v6", "seen-v6"} {
		run.Tool(t, "ipset flush hardenctl-"+set)
	}
	for _, family := range []string{"v4", "v6"} {
		require.NoError(t, os.WriteFile("/proc/net/xt_recent/hardenctl-s-limited-"+family, []byte("/"), 0))
	}
}

// scanned is what nmap learns of these ports. After a ban it would slow down to
// five packets a second.
func scanned(t *testing.T, from *lab.Host, f traffic.Family, how, ports string) lab.Scan {
	t.Helper()
	args := []string{how, "-T4", "--min-rate", "50", "--max-retries", "2", "--max-rtt-timeout", "250ms", "-p", ports}
	if f.V6 {
		args = append(args, "-6")
	}
	return lab.Nmap(t, from, append(args, f.Server)...)
}

// defended checks that a published port has what every service has: sources,
// limits, blocks, and bans that a scanner of published ports earns.
func defended(t *testing.T, network *lab.Bench) {
	t.Helper()
	unlisted := network.Host("unlisted", "192.0.2.30/24", "2001:db8:30::30")
	office := network.Host("office", "198.51.100.5", "2001:db8:10::5")
	crawler := network.Host("crawler", "198.51.100.77", "2001:db8:77::77")
	blocked := network.Host("blocked", "203.0.113.200", "2001:db8:bad:200::1")
	attacker := network.Host("attacker", "203.0.113.66", "2001:db8:bad:66::66")
	traffic.OnFamilies(t, "defended", func(t *testing.T, f traffic.Family) {
		traffic.Reaches(t, unlisted, f.Server, 8080, 50)
		traffic.Reaches(t, office, f.Server, 8082, 1)
		traffic.Reaches(t, unlisted, f.Server, 8081, 3)
		traffic.Refused(t, unlisted, f.Server, 8081) // the fourth in an hour
		traffic.Reaches(t, crawler, f.Server, 8081, 10)
		traffic.Refused(t, crawler, f.Server, 8082)
		traffic.Refused(t, unlisted, f.Server, 8082)
		traffic.Refused(t, unlisted, f.Server, 9090)
		traffic.Refused(t, blocked, f.Server, 8080)
		tellsEarly(t, blocked, f, false)
		tellsEarly(t, unlisted, f, false)
		answers(t, unlisted, f.Server, "5353", true)
		answers(t, unlisted, f.Server, "5454", false)
		traffic.Reaches(t, attacker, f.Server, 8080, 1)
		hidden(t, attacker, f, "-sA", "8080") // an answer would tell that it is open
		hidden(t, attacker, f, "-sS", "9100-9111")
		traffic.Refused(t, attacker, f.Server, 8080)
	})
	for _, h := range []*lab.Host{unlisted, office, crawler} {
		if banset.Banned(t, h.V4()) || banset.Banned(t, h.V6()) {
			t.Errorf("%s is banned", h.Name())
		}
	}
	if !banset.Banned(t, attacker.V4()) || !banset.Banned(t, attacker.V6()) {
		t.Error("who scans what is published and not stated is not banned")
	}
}

// tellsEarly sends what the kernel does not send on to the containers, and wants an
// error for each, or for none. Where docker-proxy answers for a container, the port
// is one of the server's own.
func tellsEarly(t *testing.T, from *lab.Host, f traffic.Family, want bool) {
	t.Helper()
	for _, e := range early(f)[:4] {
		e.ports = map[bool][]uint16{false: {8080, 9090}, true: {5353, 5454}}[e.packet.UDP]
		for port, state := range e.states(t, from, f) {
			if state == prober.Silent && want || state == prober.Closed && !want {
				t.Errorf("%s from %s to port %d: %v", e.name, from.Name(), port, state)
			}
		}
	}
}

// hidden scans ports that must not answer.
func hidden(t *testing.T, from *lab.Host, f traffic.Family, how, ports string) {
	t.Helper()
	if scan := scanned(t, from, f, how, ports); len(scan.In("filtered")) != len(scan) || len(scan) == 0 {
		t.Errorf("%s of %s: %v, want all filtered", how, ports, scan)
	}
}

// answers sends a datagram and wants it back, or not.
func answers(t *testing.T, from *lab.Host, server, port string, want bool) {
	t.Helper()
	c, err := from.Dial("udp", net.JoinHostPort(server, port), lab.Patience)
	require.NoError(t, err)
	defer c.Close()
	patience := traffic.Silence
	if want {
		patience = lab.Patience
	}
	c.SetDeadline(time.Now().Add(patience))
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	if _, err := c.Read(make([]byte, 1)); (err == nil) != want {
		t.Errorf("%s -> %s udp port %s: %v, want an answer: %v", from.Name(), server, port, err, want)
	}
}

// within checks that what is not published goes on as if hardenctl were not
// there: from container to container, from a container out, and from the server
// itself, which reaches unstated ports too. A container that asks for a
// published port meets docker-proxy on the server, and before it INPUT.
func within(t *testing.T, outside *lab.Host, d *dockerd.Daemon) {
	t.Helper()
	traffic.OnFamilies(t, "within", func(t *testing.T, f traffic.Family) {
		peer, out := d.Address(t, "two", f.Docker), outside.V4().String()
		if f.V6 {
			out = outside.V6().String()
		}
		for _, to := range []string{net.JoinHostPort(peer, "80"), net.JoinHostPort(out, "80"), net.JoinHostPort(f.Server, "8080")} {
			if got := d.Do(t, "exec one /greeter dial "+to); got != "hello" {
				t.Errorf("from a container to %s: %q", to, got)
			}
		}
		if out, code := run.Outcome(t, d.Command(t, "exec", "two", "/greeter", "dial", net.JoinHostPort(f.Server, "9090"))); code == 0 {
			t.Errorf("from a container to the server's port 9090: %q, want nothing", out)
		}
		if got := run.WithInput(t, "", forwarding.Greeter(t), "dial", net.JoinHostPort(f.Server, "9090")); got != "hello\n" {
			t.Errorf("from the server to its own %s: %q", f.Server, got)
		}
	})
	if got := d.Do(t, "run --rm --network own server /greeter dial "+net.JoinHostPort(outside.V4().String(), "80")); got != "hello" {
		t.Errorf("from a container on a network of its own: %q", got)
	}
	if got := run.WithInput(t, "", forwarding.Greeter(t), "dial", "127.0.0.1:9090"); got != "hello\n" {
		t.Errorf("from the server to 127.0.0.1: %q", got)
	}
}
