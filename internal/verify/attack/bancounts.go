package attack

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Kind is a kind of packet by which scanners find out.
type Kind struct {
	Name  string
	udp   bool
	flags prober.Flags
	// Counts says that the packet is a probe to the profile: the kernel bans
	// for it. A stray ACK is none, since the customers of a server that was
	// restarted send them too.
	Counts func(p *profile.Profile) bool
}

func always(p *profile.Profile) bool { return p.Scan.Probes > 0 }

func stealth(p *profile.Profile) bool { return always(p) && p.Scan.Stealth }

func never(*profile.Profile) bool { return false }

// Kinds are all kinds of packets that are counted until the ban.
var Kinds = []Kind{
	{"SYN", false, prober.SYN, always},
	{"FIN", false, prober.FIN, stealth},
	{"NULL", false, 0, stealth},
	{"XMAS", false, prober.FIN | prober.PSH | prober.URG, stealth},
	{"SYN+FIN", false, prober.SYN | prober.FIN, stealth},
	{"ACK", false, prober.ACK, never},
	{"Maimon", false, prober.FIN | prober.ACK, never},
	{"UDP", true, 0, always},
}

// packet makes a packet of a kind.
func (k Kind) packet(from netip.Addr, to netip.AddrPort) prober.Packet {
	return prober.Packet{From: netip.AddrPortFrom(from, network.SourcePort), To: to, UDP: k.udp, Flags: k.flags, Maker: prober.Nmap}
}

func (k Kind) protocol() string {
	if k.udp {
		return "udp"
	}
	return "tcp"
}

// banCounts counts the probes until the ban, for each kind of packet and family.
func (s *scene) banCounts(ctx context.Context) ([]result.BanCount, error) {
	var all []result.BanCount
	for _, family := range network.Families {
		for _, k := range Kinds {
			start := s.Now()
			l, err := s.countProbes(ctx, k, family)
			if err != nil {
				return nil, err
			}
			l.Start, l.End = start, s.Now()
			all = append(all, l)
		}
		if err := s.probeTripwire(ctx, family, &all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// probeTripwire probes a tripwire of the profile once, if it has one.
func (s *scene) probeTripwire(ctx context.Context, family int, all *[]result.BanCount) (err error) {
	i := slices.IndexFunc(s.Profile.Scan.Tripwires, func(p profile.Port) bool { return p.Protocol == profile.TCP })
	if i < 0 {
		return nil
	}
	l := result.BanCount{Kind: result.Tripwire, Family: family, Start: s.Now(), Sent: 1}
	from := s.Unlisted.Number(s.Unlisted.Next(), family)
	to := netip.AddrPortFrom(network.Server(family), s.Profile.Scan.Tripwires[i].First)
	if err := s.Prober.Send(KindNamed("SYN").packet(from, to)); err != nil {
		return err
	}
	is, err := s.settled(ctx, from, true)
	if is {
		l.BannedAt = 1
	}
	l.End = s.Now()
	*all = append(*all, l)
	return err
}

// countProbes sends probes one by one, each to another port without a service, until
// the kernel bans the source or some more than the profile allows are sent.
func (s *scene) countProbes(ctx context.Context, k Kind, family int) (result.BanCount, error) {
	l := result.BanCount{Kind: k.Name, Family: family}
	from := s.Unlisted.Number(s.Unlisted.Next(), family)
	for _, port := range s.Unserved(k.protocol(), int(s.Profile.Scan.Probes)+5) {
		if err := s.Prober.Send(k.packet(from, netip.AddrPortFrom(network.Server(family), port))); err != nil {
			return l, err
		}
		l.Sent++
		due := k.Counts(s.Profile) && l.Sent == int(s.Profile.Scan.Probes)+1
		is, err := s.settled(ctx, from, due)
		if err != nil {
			return l, err
		}
		if is {
			l.BannedAt = l.Sent
			break
		}
	}
	return l, nil
}

// takenInDue is how long a ban that is due is waited for, so that it is not noticed
// only after the next probe.
const takenInDue = 2 * time.Second

// settled has the kernel take a packet in, and reports whether the source is
// banned then.
func (s *scene) settled(ctx context.Context, from netip.Addr, due bool) (bool, error) {
	for until := time.Now().Add(takenInDue); ; time.Sleep(2 * time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		lab.Drain()
		if is, err := banned(from); is || err != nil || !due || time.Now().After(until) {
			return is, err
		}
	}
}

// forge sends more probes than the profile allows, from a forged source.
func (s *scene) forge(name netip.Addr) error {
	family := network.FamilyOf(name)
	for _, port := range s.Unserved("tcp", int(s.Profile.Scan.Probes)+5) {
		if err := s.Prober.Send(Kinds[0].packet(name, netip.AddrPortFrom(network.Server(family), port))); err != nil {
			return err
		}
	}
	lab.Drain()
	return nil
}

// bannedBy returns at which probe packets of a kind got a source banned.
func bannedBy(banCounts []result.BanCount, kind string, family int) int {
	i := slices.IndexFunc(banCounts, func(l result.BanCount) bool { return l.Kind == kind && l.Family == family })
	if i < 0 {
		return 0
	}
	return banCounts[i].BannedAt
}
