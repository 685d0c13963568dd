package scan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	read "github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/profiles"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// forgers is from how many sources each profile is scanned, one packet a source.
const forgers = 400

// Whatever port a profile shows to everyone, no scanner finds it by packets of
// its own: not nmap, masscan and zmap as Debian has them, and not the packets of
// newer ones, each from another source, so that none is banned. Customers
// connect. Without rules all of them find all ports, or this test is worth
// nothing.
func TestScannersFindNothing(t *testing.T) {
	stage.Bare(t, "nft")
	out, shown := newOutside(t), publicPorts(t)
	for _, port := range out.ports(shown) {
		lab.Serve(t, "tcp", port)
	}
	traffic.Arrive(t, out.crowd)
	out.findAll(t, out.ports(shown))
	for _, name := range profiles.Names() {
		if ports := shown[name]; len(ports) > 0 {
			t.Run(name, func(t *testing.T) {
				run.Expect(t, 0, "apply", "builtin:"+name, "--auto-approve", "--confirm-within", "0", "--no-guard")
				out.findNothing(t, ports)
			})
		}
	}
}

// publicPorts are the TCP ports that the built-in profiles show to everyone.
func publicPorts(t *testing.T) map[string][]int {
	t.Helper()
	shown := map[string][]int{}
	for _, name := range profiles.Names() {
		p, _ := read.Read("builtin:"+name, read.Folders{Builtins: profiles.FS()})
		if p == nil {
			t.Fatalf("%s is not a profile", name)
		}
		for _, s := range p.Services {
			for _, port := range s.Ports {
				if s.Public() && port.Protocol == read.TCP {
					shown[name] = append(shown[name], int(port.First))
				}
			}
		}
	}
	return shown
}

// outside is a network with a customer, and a crowd that has any address.
type outside struct {
	network  *lab.Bench
	customer *lab.Host
	crowd    *lab.Host
	hosts    int // that have scanned
}

func newOutside(t *testing.T) *outside {
	n := lab.NewNetwork(t)
	s := &outside{network: n}
	s.customer = n.Host("customer", "192.0.2.20/24", "2001:db8::20/64")
	s.crowd = n.Host("crowd", "192.0.2.66/24", "2001:db8::66/64")
	for _, net := range []string{"198.18.0.0/15", "3fff::/20"} {
		via := s.crowd.V4()
		if netip.MustParsePrefix(net).Addr().Is6() {
			via = s.crowd.V6()
		}
		run.Tool(t, fmt.Sprintf("ip route add %s via %s", net, via))
		run.Tool(t, fmt.Sprintf("ip -n %s route add local %s dev lo", s.crowd.Name(), net))
	}
	return s
}

// ports are those of all profiles.
func (s *outside) ports(shown map[string][]int) (all []int) {
	for _, ports := range shown {
		all = append(all, ports...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// source is the address of one of the crowd; each IPv6 one has a /64.
func source(family, i int) netip.Addr {
	if family == 4 {
		return netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
	}
	return netip.AddrFrom16([16]byte{0x3f, 0xff, 0, 0, 0, 0, byte(i >> 8), byte(i), 15: 1})
}

// forged returns how many of so many sources see a port, each by one packet of a
// scanner's; and by what packets.
func (s *outside) forged(t *testing.T, family int, ports []int) (seen int, by map[string]int) {
	t.Helper()
	var packets []lab.Segment
	names := map[uint16]string{}
	for i := range forgers {
		scanner := scanners[i%len(scanners)]
		packet := scanner.syn(source(family, i), i)
		packet.To = netip.AddrPortFrom(packet.To.Addr(), uint16(ports[i/len(scanners)%len(ports)]))
		packets = append(packets, packet)
		names[packet.From.Port()] = scanner.name
	}
	from := s.crowd.V4()
	if family == 6 {
		from = s.crowd.V6()
	}
	last := honest[0].syn(from, forgers)
	last.To = netip.AddrPortFrom(last.To.Addr(), uint16(ports[0]))
	answers, err := s.crowd.AnsweredBefore(last, packets...)
	require.NoError(t, err)
	by = map[string]int{}
	for port, flags := range answers {
		if flags == lab.SYN|lab.ACK {
			by[names[port]]++
			seen++
		}
	}
	return seen, by
}

// findNothing scans in all ways, side by side.
func (s *outside) findNothing(t *testing.T, ports []int) {
	for _, family := range []int{4, 6} {
		if seen, by := s.forged(t, family, ports); seen > 0 {
			t.Errorf("over IPv%d, %d of %d sources see a port: %v", family, seen, forgers, by)
		}
	}
	s.scan(ports, func(name string, found func() ([]int, error)) {
		if open, err := found(); err != nil || len(open) > 0 {
			t.Errorf("%s finds %v, %v", name, open, err)
		}
	})
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		for _, port := range ports {
			traffic.Reaches(t, s.customer, server, port, 1)
		}
	}
}

// findAll scans a server without rules, as often as a busy machine makes needed.
func (s *outside) findAll(t *testing.T, ports []int) {
	for _, family := range []int{4, 6} {
		if seen, by := s.forged(t, family, ports); seen != forgers {
			t.Fatalf("without rules, %d of %d sources see a port over IPv%d: %v", seen, forgers, family, by)
		}
	}
	s.scan(ports, func(name string, found func() ([]int, error)) {
		var open []int
		for deadline := time.Now().Add(time.Minute); len(open) < len(ports) && time.Now().Before(deadline); {
			again, err := found()
			if err != nil {
				t.Error(err)
				return
			}
			open = append(open, again...)
			slices.Sort(open)
			open = slices.Compact(open)
		}
		if !slices.Equal(open, ports) {
			t.Errorf("without rules, %s finds %v, want %v", name, open, ports)
		}
	})
}

// scan has each scanner look for ports, side by side, from an address that
// no set has yet.
func (s *outside) scan(ports []int, do func(name string, found func() ([]int, error))) {
	s.hosts++
	h := s.network.Host(fmt.Sprintf("scanner%d", s.hosts), fmt.Sprintf("203.0.113.%d", s.hosts), fmt.Sprintf("2001:db8:bad:%d::66", s.hosts))
	var wait sync.WaitGroup
	for name, found := range map[string]func() ([]int, error){
		"nmap":               func() ([]int, error) { return halfOpen(h, ports, lab.ServerV4) },
		"nmap, over IPv6":    func() ([]int, error) { return halfOpen(h, ports, "-6", lab.ServerV6) },
		"masscan":            func() ([]int, error) { return h.Masscan(h.V4(), ports...) },
		"masscan, over IPv6": func() ([]int, error) { return h.Masscan(h.V6(), ports...) },
		"zmap":               func() ([]int, error) { return h.ZMap(ports...) },
	} {
		wait.Add(1)
		go func() {
			defer wait.Done()
			do(name, found)
		}()
	}
	wait.Wait()
}

// halfOpen are the ports that nmap -sS finds open.
func halfOpen(from *lab.Host, ports []int, target ...string) (open []int, err error) {
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ","), "[]")
	scan, err := from.Nmap(append([]string{"-sS", "-T4", "--max-retries", "0", "-p", list}, target...)...)
	for port, state := range scan {
		if state == "open" {
			open = append(open, port.Number)
		}
	}
	slices.Sort(open)
	return open, err
}
