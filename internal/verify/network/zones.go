package network

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Unattackable says of a profile that all who come by the server's one interface reach every
// port: nothing is left to attack.
func Unattackable(p *profile.Profile) error {
	for _, z := range p.Zones {
		holds := func(i profile.Interface) bool { return i.Holds(lab.ServerInterface) }
		if z.Trust.All && slices.ContainsFunc(z.Interfaces, holds) {
			return fmt.Errorf("every packet by %s is trusted (zones.%s.trust), and verify attacks by this interface: name another one there", lab.ServerInterface, z.Name)
		}
	}
	return nil
}

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
		from := facingSources(p, s)
		if len(from) == 0 && len(s.From) > 0 && s.Knock.Name == "" {
			continue
		}
		s.Zones, s.From = nil, from
		facing.Services = append(facing.Services, s)
	}
	return &facing
}

// facingSources are the sources of a service that count by the server's one interface.
func facingSources(p *profile.Profile, s profile.Service) (refs []profile.Ref) {
	for _, from := range p.Sources(s) {
		holds := func(i profile.Interface) bool { return i.Holds(lab.ServerInterface) }
		if from.Of == "" || slices.ContainsFunc(p.Interfaces(from.Zones), holds) {
			refs = append(refs, from.Refs...)
		}
	}
	return refs
}
