package attack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// dialsAtOnce is how many connections are tried side by side.
const dialsAtOnce = 32

// withDialer opens a connection to each port, as nmap -sT does: from a host that
// joins for it, by its kernel, to the end of the handshake.
func (s *scene) withDialer(ctx context.Context, a Scan, ports []uint16, r *result.Attack) (netip.Addr, error) {
	from, err := s.UnlistedHost(fmt.Sprintf("caller-%s-%d", strings.Map(letters, a.Name), r.Family))
	if err != nil {
		return netip.Addr{}, err
	}
	address := from.V4()
	if r.Family == 6 {
		address = from.V6()
	}
	states, err := dialAll(ctx, from, network.Server(r.Family), ports)
	if err != nil {
		return address, err
	}
	r.Tool = "dialer"
	count(r, "tcp", ports, states)
	return address, nil
}

// dialAll says of each port whether it takes a connection, refuses it, or is
// silent.
func dialAll(ctx context.Context, from *lab.Host, to netip.Addr, ports []uint16) (*[1 << 16]prober.State, error) {
	var states [1 << 16]prober.State
	var jobs []func() error
	for _, port := range ports {
		jobs = append(jobs, func() error {
			if ctx.Err() == nil {
				states[port] = dial(from, netip.AddrPortFrom(to, port).String())
			}
			return ctx.Err()
		})
	}
	return &states, network.InParallel(dialsAtOnce, jobs)
}

// dial opens one connection by one SYN and hangs up. An error other than that
// nothing came is an answer: a reset, or an ICMP error.
func dial(from *lab.Host, address string) prober.State {
	conn, err := from.DialOnce(netip.AddrPort{}, address)
	switch {
	case err == nil:
		conn.Close()
		return prober.Open
	case errors.Is(err, lab.ErrUnanswered):
		return prober.Silent
	}
	return prober.Closed
}
