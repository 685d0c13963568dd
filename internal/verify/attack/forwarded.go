package attack

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// behind are the addresses of the inside, and of a host there, by family.
var behind = map[int]struct{ gateway, host, destination string }{
	4: {"10.213.7.1/24", "10.213.7.2", "10.213.7.2:80"},
	6: {"fd21:3:7::1/64", "fd21:3:7::2", "[fd21:3:7::2]:80"},
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
	var steps, undoing []string
	steps = append(steps, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
		"ip link add "+inside+" mtu 1400 type veth peer name behind9", "ip link set "+inside+" up", "ip link set behind9 up")
	undoing = append(undoing, "ip link delete "+inside)
	for _, family := range network.Families {
		b, tool := behind[family], map[int]string{4: "iptables", 6: "ip6tables"}[family]
		steps = append(steps, "ip address add "+b.gateway+" dev "+inside,
			"ip neigh replace "+b.host+" lladdr 02:00:00:00:00:99 dev "+inside)
		for _, port := range ports {
			rule := fmt.Sprintf(" PREROUTING -p tcp --dport %d -j DNAT --to-destination %s", port, b.destination)
			steps = append(steps, tool+" -w -t nat -A"+rule)
			undoing = append(undoing, tool+" -w -t nat -D"+rule)
		}
	}
	undo = func() {
		for _, step := range undoing {
			words := strings.Fields(step)
			exec.Command(words[0], words[1:]...).Run()
		}
	}
	for _, step := range steps {
		words := strings.Fields(step)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return undo, fmt.Errorf("%s: %w: %s", step, err, out)
		}
	}
	return undo, nil
}
