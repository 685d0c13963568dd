package network

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Facing returns a profile as those see it who come by the server's one interface: services
// in zones without it are not there, and must be as hidden as any port, and those in a zone
// with it are for all who come.
func Facing(p *profile.Profile) *profile.Profile {
	facing := *p
	facing.Services = nil
	for _, s := range p.Services {
		holds := func(i profile.Interface) bool { return i.Holds(lab.ServerInterface) }
		if len(s.Zones) > 0 && !slices.ContainsFunc(p.Interfaces(s.Zones), holds) {
			continue
		}
		s.Zones = nil
		facing.Services = append(facing.Services, s)
	}
	return &facing
}
