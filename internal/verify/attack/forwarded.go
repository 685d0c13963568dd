package attack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
	"github.com/hardenctl/hardenctl/internal/wire"
)

// behind are the addresses of the inside, and of a host there, by family.
var behind = map[int]struct {
	gateway netip.Prefix
	host    netip.AddrPort
}{
	4: {netip.MustParsePrefix("10.213.7.1/24"), netip.MustParseAddrPort("10.213.7.2:80")},
	6: {netip.MustParsePrefix("fd21:3:7::1/64"), netip.MustParseAddrPort("[fd21:3:7::2]:80")},
}

// tryForwarded sends a range of ports on to a host of the inside, as Docker or a
// gateway does, and asks these ports by packets that the kernel does not send on: on
// their last hop, and too long for the inside. None of them may be answered.
func (s *scene) tryForwarded(ctx context.Context, f *result.Finding) (err error) {
	if s.Profile.Policy.Forward != profile.Published {
		return nil
	}
	ports := s.Unserved("tcp", int(s.Profile.Scan.Probes)+1)
	undo, err := sendOn(s.insideName(), ports)
	defer undo()
	if err != nil {
		return err
	}
	for _, family := range network.Families {
		if family == 6 && !s.Profile.Policy.IPv6 {
			continue
		}
		for _, kind := range []struct {
			name string
			like prober.Packet
		}{{"a last hop", prober.Packet{HopLimit: 1}}, {"a long packet", prober.Packet{Payload: 1400}}} {
			answers, err := s.answersOf(ctx, "tcp", family, ports, kind.like)
			if err != nil {
				return err
			}
			f.Note(fmt.Sprintf("%s over IPv%d to %d forwarded ports", kind.name, family, len(ports)), none(answers))
		}
	}
	return nil
}

// insideName is that of an interface which the profile calls the inside, or one that
// it does not know.
func (s *scene) insideName() string {
	for _, i := range s.Profile.Policy.Inside {
		return strings.TrimSuffix(i.Name, "+")
	}
	return "behind0"
}

// sendOn makes an inside whose links carry 1400 bytes, and a DNAT for each port. What
// undo does is needed whether there was an error or not.
func sendOn(inside string, ports []uint16) (undo func(), err error) {
	rules := dnats(ports)
	undo = func() {
		for _, rule := range rules {
			_ = tool(fmt.Sprintf(rule, "-D"))
		}
		_ = wire.Remove(inside)
	}
	if err := layInside(inside); err != nil {
		return undo, err
	}
	for _, rule := range rules {
		if err := tool(fmt.Sprintf(rule, "-A")); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// dnats are the commands that send ports on, without -A or -D.
func dnats(ports []uint16) (rules []string) {
	tools := map[int]string{4: "iptables", 6: "ip6tables"}
	for _, family := range network.Families {
		for _, port := range ports {
			rules = append(rules, fmt.Sprintf("%s -w -t nat %%s PREROUTING -p tcp --dport %d -j DNAT --to-destination %s", tools[family], port, behind[family].host))
		}
	}
	return rules
}

// layInside makes the link to the inside, whose host answers nothing.
func layInside(inside string) error {
	const farEnd, most = "behind9", 1400
	err := errors.Join(tool("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"),
		wire.Cable(wire.End{Name: inside}, wire.End{Name: farEnd}), wire.Narrow(inside, most), wire.Up(inside), wire.Up(farEnd))
	for _, b := range behind {
		if err == nil {
			err = errors.Join(wire.Address(inside, b.gateway), wire.Neighbour(inside, b.host.Addr(), net.HardwareAddr{2, 0, 0, 0, 0, 0x99}))
		}
	}
	return err
}

// tool runs a command line without quotes.
func tool(line string) error {
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}
