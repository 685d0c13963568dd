package verify

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// attack is one way to scan.
type attack struct {
	name string
	nmap string // nmap's options; none for a scan that another scanner does
	// scanner is "masscan" or "zmap" for what one of these does.
	scanner string
	// haste is further options, which save time and are not worth a mention.
	haste string
	kind  string // the kind of packet that it sends
	// sees says that the scan can tell an open port, because it sends what a
	// customer sends. Any other must find nothing at all.
	sees bool
	// quick says that it is part of a quick look.
	quick bool
	// v4 says that it exists for IPv4 only, nmapOnly that only nmap can do it.
	v4, nmapOnly bool
	// ports are those that it tries; nil means the targets of its protocol.
	ports func(s *scene) []uint16
	// mixed says that it sends packets of many kinds, or few, so that no count
	// tells which of them bans.
	mixed bool
	// copies says that its SYN has the options of a system's.
	copies bool
	// early says that it takes its time, and starts before the others; pace is
	// the time that it leaves between two probes.
	early bool
	pace  time.Duration
	// decoys says that others seem to scan too.
	decoys bool
	// dials says that it opens connections; without nmap, the dialer does.
	dials bool
	// craft makes our own prober's packets what nmap's would be.
	craft func(*prober.Packet)
}

var attacks = []attack{
	{name: "discovery", nmap: discovery, kind: "SYN", sees: true, nmapOnly: true, ports: asked, mixed: true},
	{name: "SYN", nmap: "-sS", kind: "SYN", sees: true, quick: true},
	{name: "every port", nmap: "-sS -p-", haste: "--min-rate 10000 --max-retries 0", kind: "SYN", sees: true, ports: allPorts, early: true},
	{name: "connect", nmap: "-sT", kind: "SYN", sees: true, dials: true},
	{name: "FIN", nmap: "-sF", kind: "FIN", quick: true},
	{name: "NULL", nmap: "-sN", kind: "NULL"},
	{name: "XMAS", nmap: "-sX", kind: "XMAS"},
	{name: "ACK", nmap: "-sA", kind: "ACK", quick: true},
	{name: "window", nmap: "-sW", kind: "ACK"},
	{name: "Maimon", nmap: "-sM", kind: "Maimon"},
	{name: "SYN+FIN", nmap: "-sS --scanflags SYNFIN", kind: "SYN+FIN"},
	{name: "from port 53", nmap: "-sS -g 53", kind: "SYN", sees: true, craft: fromDNS},
	{name: "fragments", nmap: "-sS -f", kind: "SYN", sees: true, v4: true, craft: inFragments},
	{name: "decoys", nmap: "-sS -D DECOYS", kind: "SYN", sees: true, v4: true, decoys: true},
	{name: "polite", nmap: "-sS -T2", haste: "--max-retries 0", kind: "SYN", sees: true, v4: true, ports: (*scene).fewer, early: true, pace: 400 * time.Millisecond},
	{name: "masscan", scanner: "masscan", kind: "SYN", sees: true, craft: as(prober.Masscan)},
	{name: "ZMap", scanner: "zmap", kind: "SYN", sees: true, v4: true, ports: (*scene).famous, early: true, mixed: true, craft: as(prober.ZMap)},
	{name: "ZMap, as Windows", kind: "SYN", sees: true, v4: true, copies: true, craft: as(prober.ZMapWindows)},
	{name: "ZMap, as Linux", kind: "SYN", sees: true, v4: true, copies: true, craft: as(prober.ZMapLinux)},
	{name: "ZMap, as BSD", kind: "SYN", sees: true, v4: true, copies: true, craft: as(prober.ZMapBSD)},
	{name: "UDP", nmap: "-sU", kind: "UDP", sees: true, quick: true},
	{name: "UDP from port 53", nmap: "-sU -g 53", kind: "UDP", sees: true, craft: fromDNS},
	{name: "protocols", nmap: "-sO", kind: "UDP", sees: true, nmapOnly: true, ports: everyProtocol, mixed: true},
}

func fromDNS(p *prober.Packet)     { p.From = netip.AddrPortFrom(p.From.Addr(), 53) }
func inFragments(p *prober.Packet) { p.Fragments = true }

// as makes packets like those of another scanner.
func as(maker prober.Maker) func(*prober.Packet) {
	return func(p *prober.Packet) { p.Maker = maker }
}

// famous are a few ports on which something listens, the public ones first, for
// a scanner that looks for one port on many hosts.
func (s *scene) famous() (ports []uint16) {
	const most = 8
	for _, public := range []bool{true, false} {
		for _, port := range s.listening {
			if port.Protocol == "tcp" && isPublic(s.profile, port) == public && len(ports) < most {
				ports = append(ports, uint16(port.Number))
			}
		}
	}
	return ports
}

// fewer ports are for a scan that waits 0.4 s between two of them: enough to be
// banned for, and what is there to find.
func (s *scene) fewer() []uint16 {
	ports := s.unserved("tcp", int(s.profile.Scan.Probes)+2)
	for _, port := range s.listening {
		if port.Protocol == "tcp" {
			ports = append(ports, uint16(port.Number))
		}
	}
	return ports
}

func allPorts(*scene) []uint16 { return everyPort }

// everyProtocol is the 256 numbers of protocols in an IP header.
func everyProtocol(*scene) []uint16 { return everyNumber[:256] }

// atOnce is how many scans run side by side: most of a scan is waiting.
const atOnce = 8

// attackAll runs every attack over both families, each from an unlisted address of its
// own.
func (s *scene) attackAll(ctx context.Context, banCounts []BanCount) ([]Attack, error) {
	var results []Attack
	var jobs []func() error
	for _, a := range attacks {
		for _, family := range families {
			if s.leavesOut(a, family) {
				continue
			}
			i := len(results)
			results = append(results, Attack{Name: a.name, Family: family})
			if !a.mixed {
				results[i].BanProbe = bannedBy(banCounts, a.kind, family)
			}
			at := len(jobs)
			if a.early {
				at = 0
			}
			jobs = slices.Insert(jobs, at, func() error { return s.attack(ctx, a, &results[i]) })
		}
	}
	return results, inParallel(atOnce, jobs)
}

func (s *scene) leavesOut(a attack, family int) bool {
	return family == 6 && a.v4 || s.options.Quick && !a.quick || !s.options.Nmap && a.nmapOnly
}

// inParallel runs jobs, so many at once, and returns the first error.
func inParallel(width int, jobs []func() error) error {
	var wait sync.WaitGroup
	slots := make(chan struct{}, width)
	failed := make(chan error, len(jobs))
	for _, job := range jobs {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { <-slots }()
			if err := job(); err != nil {
				failed <- err
			}
		}()
	}
	wait.Wait()
	close(failed)
	return <-failed
}

// inBoth does something for each family at once; i is the family's place.
func inBoth(do func(i, family int) error) error {
	var jobs []func() error
	for i, family := range families {
		jobs = append(jobs, func() error { return do(i, family) })
	}
	return inParallel(len(jobs), jobs)
}

// attack runs one scan and fills in its result.
func (s *scene) attack(ctx context.Context, a attack, r *Attack) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.progress(fmt.Sprintf("attack: %s, IPv%d", a.name, r.Family))
	k := kindNamed(a.kind)
	ports := s.targets(k.protocol())
	if a.ports != nil {
		ports = a.ports(s)
	}
	r.Ports, r.OpenPorts, r.Start = len(ports), []string{}, s.now()
	from, err := s.runner(a)(ctx, a, ports, r)
	if err != nil {
		return err
	}
	r.End = s.now()
	if r.Banned, err = banned(from); err != nil {
		return err
	}
	time.Sleep(2 * look) // so that the watch has seen what is to be seen
	r.BannedAt = s.since(s.bans.at(from))
	return nil
}

// runner is what does an attack: the scanner that it is of, where there is one.
func (s *scene) runner(a attack) func(context.Context, attack, []uint16, *Attack) (netip.Addr, error) {
	switch {
	case a.nmap == discovery:
		return s.discover
	case a.scanner == "masscan" && s.options.Masscan:
		return s.withMasscan
	case a.scanner == "zmap" && s.options.ZMap:
		return s.withZMap
	case a.nmap != "" && s.options.Nmap:
		return s.withNmap
	case a.dials:
		return s.withDialer
	}
	return s.withProber
}

func kindNamed(name string) kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	panic("verify: no kind of packet is called " + name)
}
