package attack

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Scan is one way to scan.
type Scan struct {
	Name string
	nmap string // nmap's options; none for a scan that another scanner does
	// scanner is "masscan" or "zmap" for what one of these does.
	scanner string
	// haste is further options, which save time and are not worth a mention.
	haste string
	Kind  string // the kind of packet that it sends
	// Sees says that the scan can tell an open port, because it sends what a
	// customer sends. Any other must find nothing at all.
	Sees bool
	// quick says that it is part of a quick look.
	quick bool
	// V4 says that it exists for IPv4 only, NmapOnly that only nmap can do it.
	V4, NmapOnly bool
	// ports are those that it tries; nil means the targets of its protocol.
	ports func(s *scene) []uint16
	// mixed says that it sends packets of many kinds, or few, so that no count
	// tells which of them bans.
	mixed bool
	// Copies says that its SYN has the options of a system's.
	Copies bool
	// early says that it takes its time, and starts before the others; pace is
	// the time that it leaves between two probes.
	early bool
	pace  time.Duration
	// decoys says that others seem to scan too.
	decoys bool
	// Dials says that it opens connections; without nmap, the dialer does.
	Dials bool
	// craft makes our own prober's packets what nmap's would be.
	craft func(*prober.Packet)
}

// Scans are all scans, each from an unlisted address of its own.
var Scans = []Scan{
	{Name: "discovery", nmap: discovery, Kind: "SYN", Sees: true, NmapOnly: true, ports: asked, mixed: true},
	{Name: "SYN", nmap: "-sS", Kind: "SYN", Sees: true, quick: true},
	{Name: "every port", nmap: "-sS -p-", haste: "--min-rate 10000 --max-retries 0", Kind: "SYN", Sees: true, ports: allPorts, early: true},
	{Name: "connect", nmap: "-sT", Kind: "SYN", Sees: true, Dials: true},
	{Name: "FIN", nmap: "-sF", Kind: "FIN", quick: true},
	{Name: "NULL", nmap: "-sN", Kind: "NULL"},
	{Name: "XMAS", nmap: "-sX", Kind: "XMAS"},
	{Name: "ACK", nmap: "-sA", Kind: "ACK", quick: true},
	{Name: "window", nmap: "-sW", Kind: "ACK"},
	{Name: "Maimon", nmap: "-sM", Kind: "Maimon"},
	{Name: "SYN+FIN", nmap: "-sS --scanflags SYNFIN", Kind: "SYN+FIN"},
	{Name: "from port 53", nmap: "-sS -g 53", Kind: "SYN", Sees: true, craft: fromDNS},
	{Name: "fragments", nmap: "-sS -f", Kind: "SYN", Sees: true, V4: true, craft: inFragments},
	{Name: "decoys", nmap: "-sS -D DECOYS", Kind: "SYN", Sees: true, V4: true, decoys: true},
	{Name: "polite", nmap: "-sS -T2", haste: "--max-retries 0", Kind: "SYN", Sees: true, V4: true, ports: (*scene).fewer, early: true, pace: 400 * time.Millisecond},
	{Name: "masscan", scanner: "masscan", Kind: "SYN", Sees: true, craft: as(prober.Masscan)},
	{Name: "ZMap", scanner: "zmap", Kind: "SYN", Sees: true, V4: true, ports: (*scene).famous, early: true, mixed: true, craft: as(prober.ZMap)},
	{Name: "ZMap, as Windows", Kind: "SYN", Sees: true, V4: true, Copies: true, craft: as(prober.ZMapWindows)},
	{Name: "ZMap, as Linux", Kind: "SYN", Sees: true, V4: true, Copies: true, craft: as(prober.ZMapLinux)},
	{Name: "ZMap, as BSD", Kind: "SYN", Sees: true, V4: true, Copies: true, craft: as(prober.ZMapBSD)},
	{Name: "UDP", nmap: "-sU", Kind: "UDP", Sees: true, quick: true},
	{Name: "UDP from port 53", nmap: "-sU -g 53", Kind: "UDP", Sees: true, craft: fromDNS},
	{Name: "protocols", nmap: "-sO", Kind: "UDP", Sees: true, NmapOnly: true, ports: everyProtocol, mixed: true},
}

func fromDNS(p *prober.Packet) { p.From = netip.AddrPortFrom(p.From.Addr(), 53) }

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
		for _, port := range s.Listening {
			if port.Protocol == "tcp" && network.IsPublic(s.Profile, port) == public && len(ports) < most {
				ports = append(ports, uint16(port.Number))
			}
		}
	}
	return ports
}

// fewer ports are for a scan that waits 0.4 s between two of them: enough to be
// banned for, and what is there to find.
func (s *scene) fewer() []uint16 {
	ports := s.Unserved("tcp", int(s.Profile.Scan.Probes)+2)
	for _, port := range s.Listening {
		if port.Protocol == "tcp" {
			ports = append(ports, uint16(port.Number))
		}
	}
	return ports
}

func allPorts(*scene) []uint16 { return everyPort() }

// everyProtocol is the 256 numbers of protocols in an IP header.
func everyProtocol(*scene) []uint16 { return everyNumber()[:256] }

// atOnce is how many scans run side by side: most of a scan is waiting.
const atOnce = 8

// attackAll runs every attack over both families, each from an unlisted address of its
// own.
func (s *scene) attackAll(ctx context.Context, banCounts []result.BanCount) ([]result.Attack, error) {
	var results []result.Attack
	var jobs []func() error
	for _, a := range Scans {
		for _, family := range network.Families {
			if s.leavesOut(a, family) {
				continue
			}
			i := len(results)
			results = append(results, result.Attack{Name: a.Name, Family: family})
			if !a.mixed {
				results[i].BanProbe = bannedBy(banCounts, a.Kind, family)
			}
			at := len(jobs)
			if a.early {
				at = 0
			}
			jobs = slices.Insert(jobs, at, func() error { return s.attack(ctx, a, &results[i]) })
		}
	}
	return results, network.InParallel(atOnce, jobs)
}

func (s *scene) leavesOut(a Scan, family int) bool {
	return family == 6 && a.V4 || s.options.Quick && !a.quick || !s.options.Nmap && a.NmapOnly
}

// attack runs one scan and fills in its result.
func (s *scene) attack(ctx context.Context, a Scan, r *result.Attack) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.progress(fmt.Sprintf("attack: %s, IPv%d", a.Name, r.Family))
	k := KindNamed(a.Kind)
	ports := s.Targets(k.protocol())
	if a.ports != nil {
		ports = a.ports(s)
	}
	r.Ports, r.OpenPorts, r.Start = len(ports), []string{}, s.Now()
	from, err := s.runner(a)(ctx, a, ports, r)
	if err != nil {
		return err
	}
	r.End = s.Now()
	if r.Banned, err = banned(from); err != nil {
		return err
	}
	time.Sleep(2 * look) // so that the watch has seen what is to be seen
	r.BannedAt = s.Since(s.bans.at(from))
	return nil
}

// runner is what does an attack: the scanner that it is of, where there is one.
func (s *scene) runner(a Scan) func(context.Context, Scan, []uint16, *result.Attack) (netip.Addr, error) {
	switch {
	case a.nmap == discovery:
		return s.discover
	case a.scanner == "masscan" && s.options.Masscan:
		return s.withMasscan
	case a.scanner == "zmap" && s.options.ZMap:
		return s.withZMap
	case a.nmap != "" && s.options.Nmap:
		return s.withNmap
	case a.Dials:
		return s.withDialer
	}
	return s.withProber
}

// KindNamed returns the kind with a name of Kinds.
func KindNamed(name string) Kind {
	for _, k := range Kinds {
		if k.Name == name {
			return k
		}
	}
	panic("verify: no kind of packet is called " + name)
}

// ScanNamed returns the scan with a name of Scans.
func ScanNamed(name string) Scan {
	return Scans[slices.IndexFunc(Scans, func(a Scan) bool { return a.Name == name })]
}

// LeftOut names the scans that an attack with these options leaves out.
func LeftOut(o Options) (names []string) {
	for _, a := range Scans {
		if !a.quick && (o.Nmap || !a.NmapOnly) {
			names = append(names, a.Name)
		}
	}
	return names
}
