package attack

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// discovery is how nmap looks for hosts when a ping is not answered: by TCP with
// SYN and with ACK, by UDP, and by SCTP. asked are the ports of it, and many.
const discovery = "-sn -PS22,80,443 -PA80,443 -PU123,40125 -PY80"

func asked(*scene) []uint16 { return everyNumber()[:8] }

// discoveryTime is the longest that discovery may take.
const discoveryTime = 5 * time.Minute

// discover asks nmap whether there is a host at all. An answer to one of the
// packets ends it, so that it counts as one answer.
func (s *scene) discover(ctx context.Context, a Scan, _ []uint16, r *result.Attack) (netip.Addr, error) {
	from, err := s.UnlistedHost(fmt.Sprintf("discoverer%d", r.Family))
	if err != nil {
		return netip.Addr{}, err
	}
	address := network.Via(from, r.Family)
	ctx, cancel := context.WithTimeout(ctx, discoveryTime)
	defer cancel()
	args := append(strings.Fields(a.nmap), "-n", "--disable-arp-ping", "-oX", "-", network.Server(r.Family).String())
	if r.Family == 6 {
		args = append([]string{"-6"}, args...)
	}
	r.Tool, r.Start = "nmap -sn -PS -PA -PU -PY", s.Now()
	out, err := from.Command(ctx, "nmap", args...).Output()
	if err != nil {
		return address, fmt.Errorf("nmap %s: %w", a.nmap, err)
	}
	reason, err := readDiscovery(out)
	switch {
	case reason == "syn-ack":
		r.Open = 1
	case reason != "":
		r.Closed = 1
	}
	r.Silent = r.Ports - r.Open - r.Closed
	return address, err
}

// readDiscovery returns by which answer nmap knows that the host is up, or
// nothing if it is down.
func readDiscovery(report []byte) (reason string, err error) {
	var r struct {
		Hosts []struct {
			State  string `xml:"state,attr"`
			Reason string `xml:"reason,attr"`
		} `xml:"host>status"`
	}
	if err := xml.Unmarshal(report, &r); err != nil {
		return "", fmt.Errorf("nmap %s: unreadable report: %w", discovery, err)
	}
	for _, h := range r.Hosts {
		if h.State == "up" {
			return h.Reason, nil
		}
	}
	return "", nil
}
