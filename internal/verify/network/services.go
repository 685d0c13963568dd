package network

import (
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Callable returns the ports of a service that one source may call in a row:
// some, and no more than its limits let through.
func Callable(service profile.Service) []lab.Port {
	ports, most := PortsOf(service), 4
	for _, count := range []uint32{service.NewPerSource.Quota.Count, service.NewPerSource.Rate.Burst} {
		if count > 0 {
			most = min(most, int(count))
		}
	}
	return ports[:min(len(ports), most)]
}

// FirstService returns a service that is fit, one with a TCP port if there is
// one, and among those one whose limits let visits come often.
func FirstService(p *profile.Profile, fit func(profile.Service) bool) (best profile.Service, ok bool) {
	rank := func(service profile.Service) int {
		r := 0
		if PortsOf(service)[0].Protocol == "udp" {
			r += 2
		}
		if service.NewPerSource.Quota.Count > 0 {
			r++
		}
		return r
	}
	for _, service := range p.Services {
		if len(PortsOf(service)) > 0 && fit(service) && (!ok || rank(service) < rank(best)) {
			best, ok = service, true
		}
	}
	return best, ok
}
