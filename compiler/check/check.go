// Package check finds what is wrong with a profile although it is well-formed:
// parts that contradict each other, or that cannot do what their author means.
package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Profile returns what is wrong or doubtful in a profile that was read without
// errors.
func Profile(p *profile.Profile) diag.List {
	return slices.Concat(sharedPorts(p), tripwires(p), adminServices(p), everyone(p), blockedTrusted(p), blockedInTrust(p), blockedSources(p), closedFamily(p), fail2ban(p), sharedLog(p), jailScope(p), nothingToProxy(p), nothingUntracked(p), noAdminInFallback(p), passiveFTP(p), adminWithoutPort(p), groupsOfTCP(p), overlappingZones(p), unusedZones(p), servicesOfTrust(p), setsInZones(p))
}

// stated is a port of a service.
type stated struct {
	profile.Port
	service string
}

// sortedPorts returns the ports of all services by protocol and number.
func sortedPorts(p *profile.Profile) []stated {
	var ports []stated
	for _, s := range p.Services {
		for _, port := range s.Ports {
			ports = append(ports, stated{port, s.Name})
		}
	}
	slices.SortStableFunc(ports, func(a, b stated) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.First, b.First))
	})
	return ports
}

// tripwires refuses a tripwire on a port that a service has: sources that the
// service serves would never probe it, and sources that it refuses, which may have
// mistyped an address, would be banned.
func tripwires(p *profile.Profile) diag.List {
	var list diag.List
	for _, port := range p.Scan.Tripwires {
		said := false // of one of the services that share the port
		for _, s := range sortedPorts(p) {
			if s.Protocol == port.Protocol && s.First <= port.Last && port.First <= s.Last && !said {
				said = true
				list.Add(diag.Diagnostic{
					Code: "served-tripwire", Position: port.Position, Subject: "scan.tripwires",
					Message:    fmt.Sprintf("%s is a port of services.%s, where one probe must not ban", port, s.service),
					Suggestion: fmt.Sprintf("choose a port that no service has, or switch services.%s off by enabled = false", s.service),
				})
			}
		}
	}
	return list
}

// adminServices warns where admin addresses and admin services do not meet.
func adminServices(p *profile.Profile) diag.List {
	if lost := p.LostAdmin; lost.Name != "" {
		return diag.List{{
			Code: "no-admin-service", Severity: diag.Warning, Position: lost.Position, Subject: "services." + lost.Name,
			Message:    "this takes away the last service that is marked admin: you may not be able to log in any more",
			Suggestion: "set admin = true in the service by which you log in",
		}}
	}
	marked := slices.ContainsFunc(p.Services, func(s profile.Service) bool { return s.Admin })
	if len(p.Access.Admin) == 0 || marked {
		return nil
	}
	return diag.List{{
		Code: "no-admin-service", Severity: diag.Warning, Position: p.Access.Admin[0].Position, Subject: "access.admin",
		Message:    "no service is marked admin, so these addresses reach nothing by it",
		Suggestion: "set admin = true in the service by which you log in",
	}}
}

// unicast is where hosts of the internet have their addresses: what IANA gives
// out of IPv4, without loopback's neighbours 0/8 and multicast, and of IPv6.
var unicast = [...]netset.Set{
	netset.Of(netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/2"), netip.MustParsePrefix("192.0.0.0/3")).
		Subtract(netset.Of(netip.MustParsePrefix("0.0.0.0/8"))),
	netset.Of(netip.MustParsePrefix("2000::/3")),
}

// everyone refuses a blocklist that is all of the internet, which reading can
// see only where one element is a whole family by itself.
func everyone(p *profile.Profile) diag.List {
	var list diag.List
	blocked := p.Addresses(p.Access.Block)
	for _, all := range unicast {
		if all.Subtract(blocked).IsEmpty() {
			list.Add(diag.Diagnostic{
				Code: "covers-all", Position: p.Access.Block[0].Position, Subject: "access.block",
				Message:    "these addresses together are everyone, and would drop everyone",
				Suggestion: "what no service states is dropped without a blocklist",
			})
			return list
		}
	}
	return list
}
