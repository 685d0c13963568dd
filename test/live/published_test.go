package live

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// publishing is a host of containers. It states four of the ports that are
// published on it.
const publishing = `version = 1

[policy]
forward = "published"
inside = ["docker0", "br-+"]

[sets.office]
addresses = ["198.51.100.0/28", "2001:db8:10::/48"]

[access]
exempt = ["198.51.100.77", "2001:db8:77::/64"]
block = ["203.0.113.200", "2001:db8:bad:200::/64"]

[services.app]
ports = ["tcp/8080", "udp/5353"]

[services.limited]
ports = ["tcp/8081"]
new_per_source = "3 in 1h"

[services.office-only]
ports = ["tcp/8082"]
from = ["@office"]

[scan]
probes = 10
window = "60s"
scope = "everything"
stealth = true
`

// published are the ports that Docker sends on to the container "one". Nothing
// states 9090, 5454 and 9100 to 9111.
var published = []string{"8080:80", "8081:80", "8082:80", "9090:80", "5353:53/udp", "5454:53/udp", "9100-9111:9100-9111"}

// family is what a test does once for each: the server's address, and the name
// that Docker has for a container's.
type family struct {
	server, docker string
	v6             bool
}

var families = []family{{lab.ServerV4, "IPAddress", false}, {lab.ServerV6, "GlobalIPv6Address", true}}

// onFamilies runs a check over IPv4 and IPv6 at once: it waits most of its time
// for answers that do not come.
func onFamilies(t *testing.T, name string, check func(t *testing.T, f family)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, f := range families {
			t.Run(f.server, func(t *testing.T) {
				t.Parallel()
				check(t, f)
			})
		}
	})
}

// A published port is open only if a service states it, whichever was there
// first, Docker or hardenctl, and whichever of them starts anew.
func TestPublished(t *testing.T) { publishedOn(t, "nft") }

// TestPublishedLegacy is TestPublished on the other backend.
func TestPublishedLegacy(t *testing.T) {
	for range newSlice(t, 1, 1).numbers() {
		publishedOn(t, "legacy")
	}
}

func publishedOn(t *testing.T, backend string) {
	t.Helper()
	bare(t, backend)
	path := write(t, "published.toml", publishing)
	other := write(t, "other.toml", strings.Replace(publishing, `inside = ["docker0", "br-+"]`, "", 1))
	network := lab.NewNetwork(t)
	scanner := network.Host("scanner", "192.0.2.66/24", "2001:db8::66/64")
	neighbour := network.Host("neighbour", "192.0.2.67/24", "2001:db8::67/64")
	d := inhabited(t)
	tool(t, "ip -n neighbour route add 172.17.0.0/16 via "+lab.ServerV4)
	tool(t, "ip -n neighbour route add fd00:d0c::/64 via "+lab.ServerV6)
	tool(t, "ip link set docker0 mtu 1400")
	onFamilies(t, "before", func(t *testing.T, f family) {
		tellsEarly(t, scanner, f, true)
		reaches(t, scanner, f.server, 8082, 1)
		reaches(t, scanner, f.server, 9090, 1)
		reaches(t, neighbour, d.address(t, "one", f.docker), 80, 1)
	})

	before := dockers(t)
	expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	untouchedBy(t, before)
	defended(t, network)
	onFamilies(t, "past the published ports", func(t *testing.T, f family) {
		refused(t, neighbour, d.address(t, "one", f.docker), 80)
	})
	outside := network.Host("outside", "192.0.2.99/24", "2001:db8::99/64")
	greets(t, outside.Command(t.Context(), greeter(t)))
	within(t, outside, d)
	behindProxy(t, network)
	within(t, outside, d)
	untouchedBy(t, before)

	expect(t, 0, "apply", other, "--auto-approve", "--confirm-within", "0", "--no-guard")
	untouchedBy(t, before)
	sees(t, scanner, "tcp/8080", "tcp/8081")
	within(t, outside, d)

	d.stop(t)
	d.start(t, withIPv6...) // puts its rules before all others in FORWARD
	sees(t, scanner, "tcp/8080", "tcp/8081")
	expect(t, 0, "plan", other, "--detailed-exitcode")

	d.stop(t)
	wipe(t)
	expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	d.start(t)
	sees(t, scanner, "tcp/8080", "tcp/8081")
	expect(t, 0, "plan", path, "--detailed-exitcode")
	before = dockers(t)
	expect(t, 0, "apply", other, "--auto-approve", "--confirm-within", "0", "--no-guard")
	untouchedBy(t, before)
}

// behindProxy has the services ask for the proxy, which then answers for the
// container.
func behindProxy(t *testing.T, network *lab.Bench) {
	t.Helper()
	customer := network.Host("customer", "192.0.2.31/24", "2001:db8:31::31")
	text := strings.Replace(publishing, "ports = [", "synproxy = true\nports = [", 2)
	expect(t, 0, "apply", write(t, "proxied.toml", text), "--auto-approve", "--confirm-within", "0", "--no-guard")
	onFamilies(t, "proxied", func(t *testing.T, f family) {
		reaches(t, customer, f.server, 8080, 10)
		reaches(t, customer, f.server, 8081, 3)
		refused(t, customer, f.server, 8081)
	})
	for _, family := range []int{4, 6} {
		if packets(t, family, "HARDENCTL-COOKIE", "SYNPROXY") < 10 {
			t.Errorf("IPv%d: the proxy had nothing to do", family)
		}
	}
}

// inhabited returns a Docker with two containers, of which one publishes, and a
// network beside the default one.
func inhabited(t *testing.T) *docker {
	t.Helper()
	d := newDocker(t)
	d.start(t, withIPv6...)
	d.load(t)
	d.run(t, "one", published...)
	d.run(t, "two")
	d.do(t, "network create own")
	return d
}

// sees scans the published TCP ports but for the range, and a container's own
// port, and wants these open and the others filtered. It leaves no
// ban, and no count of the limited service.
func sees(t *testing.T, from *lab.Host, open ...string) {
	t.Helper()
	onFamilies(t, "scan", func(t *testing.T, f family) {
		scan := scanned(t, from, f, "-sS", "80,8080,8081,8082,9090")
		if silent := scan.In("filtered"); !slices.Equal(scan.Open(), open) || len(silent) != 5-len(open) {
			t.Errorf("the scanner sees %v, want %v open and the others filtered", scan, open)
		}
	})
	for _, set := range []string{"ban-v4", "seen-v4", "ban-v6", "seen-v6"} {
		tool(t, "ipset flush hardenctl-"+set)
	}
	for _, family := range []string{"v4", "v6"} {
		must(t, os.WriteFile("/proc/net/xt_recent/hardenctl-s-limited-"+family, []byte("/"), 0))
	}
}

// scanned is what nmap learns of these ports. After a ban it would slow down to
// five packets a second.
func scanned(t *testing.T, from *lab.Host, f family, how, ports string) lab.Scan {
	t.Helper()
	args := []string{how, "-T4", "--min-rate", "50", "--max-retries", "2", "--max-rtt-timeout", "250ms", "-p", ports}
	if f.v6 {
		args = append(args, "-6")
	}
	return lab.Nmap(t, from, append(args, f.server)...)
}

// dockers are the rules of Docker, by tool, in order.
func dockers(t *testing.T) map[string]string {
	t.Helper()
	saves := map[string]string{}
	for _, name := range []string{"iptables-save", "ip6tables-save"} {
		for _, table := range []string{"filter", "nat"} {
			for line := range strings.Lines(withoutCounters(tool(t, name+" -t "+table))) {
				if !strings.Contains(line, "HARDENCTL-") && !strings.HasPrefix(line, ":INPUT ") {
					saves[name] += line
				}
			}
		}
	}
	return saves
}

// untouchedBy checks that Docker's chains and rules are what they were.
func untouchedBy(t *testing.T, before map[string]string) {
	t.Helper()
	for name, after := range dockers(t) {
		if after != before[name] {
			t.Errorf("%s: Docker had\n%s\nand has\n%s", name, before[name], after)
		}
	}
}

// defended checks that a published port has what every service has: sources,
// limits, blocks, and bans that a scanner of published ports earns.
func defended(t *testing.T, network *lab.Bench) {
	t.Helper()
	stranger := network.Host("stranger", "192.0.2.30/24", "2001:db8:30::30")
	office := network.Host("office", "198.51.100.5", "2001:db8:10::5")
	crawler := network.Host("crawler", "198.51.100.77", "2001:db8:77::77")
	blocked := network.Host("blocked", "203.0.113.200", "2001:db8:bad:200::1")
	attacker := network.Host("attacker", "203.0.113.66", "2001:db8:bad:66::66")
	onFamilies(t, "defended", func(t *testing.T, f family) {
		reaches(t, stranger, f.server, 8080, 50)
		reaches(t, office, f.server, 8082, 1)
		reaches(t, stranger, f.server, 8081, 3)
		refused(t, stranger, f.server, 8081) // the fourth in an hour
		reaches(t, crawler, f.server, 8081, 10)
		refused(t, crawler, f.server, 8082)
		refused(t, stranger, f.server, 8082)
		refused(t, stranger, f.server, 9090)
		refused(t, blocked, f.server, 8080)
		tellsEarly(t, blocked, f, false)
		tellsEarly(t, stranger, f, false)
		answers(t, stranger, f.server, "5353", true)
		answers(t, stranger, f.server, "5454", false)
		reaches(t, attacker, f.server, 8080, 1)
		hidden(t, attacker, f, "-sA", "8080") // an answer would tell that it is open
		hidden(t, attacker, f, "-sS", "9100-9111")
		refused(t, attacker, f.server, 8080)
	})
	for _, h := range []*lab.Host{stranger, office, crawler} {
		if banned(t, h.V4()) || banned(t, h.V6()) {
			t.Errorf("%s is banned", h.Name())
		}
	}
	if !banned(t, attacker.V4()) || !banned(t, attacker.V6()) {
		t.Error("who scans what is published and not stated is not banned")
	}
}

// tellsEarly sends what the kernel does not send on to the containers, and wants an
// error for each, or for none. Where docker-proxy answers for a container, the port
// is one of the server's own.
func tellsEarly(t *testing.T, from *lab.Host, f family, want bool) {
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
func hidden(t *testing.T, from *lab.Host, f family, how, ports string) {
	t.Helper()
	if scan := scanned(t, from, f, how, ports); len(scan.In("filtered")) != len(scan) || len(scan) == 0 {
		t.Errorf("%s of %s: %v, want all filtered", how, ports, scan)
	}
}

// answers sends a datagram and wants it back, or not.
func answers(t *testing.T, from *lab.Host, server, port string, want bool) {
	t.Helper()
	c, err := from.Dial("udp", net.JoinHostPort(server, port), lab.Patience)
	must(t, err)
	defer c.Close()
	patience := silence
	if want {
		patience = lab.Patience
	}
	c.SetDeadline(time.Now().Add(patience))
	_, err = c.Write([]byte("x"))
	must(t, err)
	if _, err := c.Read(make([]byte, 1)); (err == nil) != want {
		t.Errorf("%s -> %s udp port %s: %v, want an answer: %v", from.Name(), server, port, err, want)
	}
}

// within checks that what is not published goes on as if hardenctl were not
// there: from container to container, from a container out, and from the server
// itself, which reaches unstated ports too. A container that asks for a
// published port meets docker-proxy on the server, and before it INPUT.
func within(t *testing.T, outside *lab.Host, d *docker) {
	t.Helper()
	onFamilies(t, "within", func(t *testing.T, f family) {
		peer, out := d.address(t, "two", f.docker), outside.V4().String()
		if f.v6 {
			out = outside.V6().String()
		}
		for _, to := range []string{net.JoinHostPort(peer, "80"), net.JoinHostPort(out, "80"), net.JoinHostPort(f.server, "8080")} {
			if got := d.do(t, "exec one /greeter dial "+to); got != "hello" {
				t.Errorf("from a container to %s: %q", to, got)
			}
		}
		if out, code := outcome(t, d.command(t, "exec", "two", "/greeter", "dial", net.JoinHostPort(f.server, "9090"))); code == 0 {
			t.Errorf("from a container to the server's port 9090: %q, want nothing", out)
		}
		if got := fed(t, "", greeter(t), "dial", net.JoinHostPort(f.server, "9090")); got != "hello\n" {
			t.Errorf("from the server to its own %s: %q", f.server, got)
		}
	})
	if got := d.do(t, "run --rm --network own server /greeter dial "+net.JoinHostPort(outside.V4().String(), "80")); got != "hello" {
		t.Errorf("from a container on a network of its own: %q", got)
	}
	if got := fed(t, "", greeter(t), "dial", "127.0.0.1:9090"); got != "hello\n" {
		t.Errorf("from the server to 127.0.0.1: %q", got)
	}
}
