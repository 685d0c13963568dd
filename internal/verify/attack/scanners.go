package attack

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// withNmap scans with nmap, from a host that joins for it.
func (s *scene) withNmap(_ context.Context, a Scan, ports []uint16, r *result.Attack) (netip.Addr, error) {
	from, err := s.UnlistedHost(fmt.Sprintf("attacker-%s-%d", strings.Map(letters, a.Name), r.Family))
	if err != nil {
		return netip.Addr{}, err
	}
	address := from.V4()
	args := append([]string{"-T4", "--max-retries", "1"}, strings.Fields(a.nmap+" "+a.haste)...)
	if i := slices.Index(args, "DECOYS"); i >= 0 {
		args[i] = fmt.Sprintf("%s,%s,ME", s.Unlisted4(), s.Unlisted4())
	}
	if !slices.Contains(args, "-p-") {
		args = append(args, "-p", result.PortList(ports))
	}
	if r.Family == 6 {
		args, address = append([]string{"-6"}, args...), from.V6()
	}
	r.Tool, r.Start = strings.Replace("nmap "+a.nmap, "DECOYS", "A,B,ME", 1), s.Now()
	scan, err := from.Nmap(append(args, network.Server(r.Family).String())...)
	if err != nil {
		return address, err
	}
	r.Ports = len(scan) // -p- leaves out port 0
	for state, n := range scan.States() {
		switch state {
		case "open":
			r.Open += n
		case "filtered", "open|filtered":
			r.Silent += n
		default: // closed, unfiltered: an answer came
			r.Closed += n
		}
	}
	r.OpenPorts = append(r.OpenPorts, scan.Open()...)
	return address, nil
}

// withMasscan scans with masscan, from a host that joins for it.
func (s *scene) withMasscan(_ context.Context, a Scan, ports []uint16, r *result.Attack) (netip.Addr, error) {
	return s.withScanner(a, ports, r, func(from *lab.Host, numbers []int) ([]int, error) {
		return from.Masscan(network.Via(from, r.Family), numbers...)
	})
}

// withZMap scans with zmap, one port after the other.
func (s *scene) withZMap(_ context.Context, a Scan, ports []uint16, r *result.Attack) (netip.Addr, error) {
	return s.withScanner(a, ports, r, func(from *lab.Host, numbers []int) ([]int, error) {
		return from.ZMap(numbers...)
	})
}

// withScanner scans from a host that joins for it, by a scanner that names the
// open ports and no others.
func (s *scene) withScanner(a Scan, ports []uint16, r *result.Attack, scan func(*lab.Host, []int) ([]int, error)) (netip.Addr, error) {
	from, err := s.UnlistedHost(fmt.Sprintf("attacker-%s-%d", strings.Map(letters, a.Name), r.Family))
	if err != nil {
		return netip.Addr{}, err
	}
	var numbers []int
	for _, port := range ports {
		numbers = append(numbers, int(port))
	}
	r.Tool, r.Start = a.scanner, s.Now()
	open, err := scan(from, numbers)
	for _, port := range open {
		r.OpenPorts = append(r.OpenPorts, lab.Port{Protocol: "tcp", Number: port}.String())
	}
	r.Open, r.Silent = len(open), len(ports)-len(open)
	return network.Via(from, r.Family), err
}

// letters keeps what a host's name may hold.
func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

// withProber scans with our own prober.
func (s *scene) withProber(ctx context.Context, a Scan, ports []uint16, r *result.Attack) (netip.Addr, error) {
	from := s.Unlisted.Number(s.Unlisted.Next(), r.Family)
	k := KindNamed(a.Kind)
	p, err := s.NewProber()
	if err != nil {
		return from, err
	}
	defer p.Close()
	states, err := p.Do(ctx, s.sweep(a, k, from, ports))
	if err != nil {
		return from, err
	}
	r.Tool = "prober"
	count(r, k.protocol(), ports, states)
	return from, nil
}

// count sums up what was seen of each port.
func count(r *result.Attack, protocol string, ports []uint16, states *[1 << 16]prober.State) {
	for _, port := range ports {
		switch states[port] {
		case prober.Open:
			r.Open++
			r.OpenPorts = append(r.OpenPorts, lab.Port{Protocol: protocol, Number: int(port)}.String())
		case prober.Closed:
			r.Closed++
		default:
			r.Silent++
		}
	}
}

// sweep is an attack for our own prober.
func (s *scene) sweep(a Scan, k Kind, from netip.Addr, ports []uint16) prober.Sweep {
	sweep := prober.Sweep{To: network.Server(network.FamilyOf(from)), Ports: ports, Rounds: 2, Wait: 300 * time.Millisecond, Pace: a.pace}
	if a.pace > 0 {
		sweep.Rounds = 1
	}
	if a.decoys {
		sweep.Decoys = []netip.Addr{s.Unlisted4(), s.Unlisted4()}
	}
	sweep.Packet = func(to netip.AddrPort) prober.Packet {
		p := k.packet(from, to)
		if a.craft != nil {
			a.craft(&p)
		}
		return p
	}
	return sweep
}
