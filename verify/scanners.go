package verify

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"hardenctl/lab"
	"hardenctl/verify/prober"
)

// withNmap scans with nmap, from a host that joins for it.
func (s *scene) withNmap(_ context.Context, a attack, ports []uint16, r *Attack) (netip.Addr, error) {
	from, err := s.stranger(fmt.Sprintf("attacker-%s-%d", strings.Map(letters, a.name), r.Family))
	if err != nil {
		return netip.Addr{}, err
	}
	address := from.V4()
	decoys := fmt.Sprintf("%s,%s,ME", s.strangers.number(s.strangers.next(), 4), s.strangers.number(s.strangers.next(), 4))
	args := append([]string{"-T4", "--max-retries", "1"}, strings.Fields(strings.Replace(a.nmap, "DECOYS", decoys, 1))...)
	args = append(args, "-p", portList(ports))
	if r.Family == 6 {
		args, address = append([]string{"-6"}, args...), from.V6()
	}
	r.Tool, r.Start = strings.Replace("nmap "+a.nmap, "DECOYS", "A,B,ME", 1), s.now()
	scan, err := from.Nmap(append(args, server(r.Family).String())...)
	if err != nil {
		return address, err
	}
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

// letters keeps what a host's name may hold.
func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

func portList(ports []uint16) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = strconv.Itoa(int(p))
	}
	return strings.Join(words, ",")
}

// withProber scans with our own prober.
func (s *scene) withProber(ctx context.Context, a attack, ports []uint16, r *Attack) (netip.Addr, error) {
	from := s.strangers.number(s.strangers.next(), r.Family)
	k := kindNamed(a.kind)
	states, err := s.prober.Do(ctx, prober.Sweep{
		To: server(r.Family), Ports: ports, Rounds: 2, Wait: 300 * time.Millisecond,
		Packet: func(to netip.AddrPort) prober.Packet {
			p := k.packet(from, to)
			p.Bare = a.name != "connect" // whose SYN the kernel makes
			return p
		},
	})
	if err != nil {
		return from, err
	}
	r.Tool = "prober"
	for _, port := range ports {
		switch states[port] {
		case prober.Open:
			r.Open++
			r.OpenPorts = append(r.OpenPorts, lab.Port{Protocol: k.protocol(), Number: int(port)}.String())
		case prober.Closed:
			r.Closed++
		default:
			r.Silent++
		}
	}
	return from, nil
}
