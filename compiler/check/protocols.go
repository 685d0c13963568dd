package check

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// adminWithoutPort refuses an admin service without a TCP or UDP port: by another
// protocol nobody logs in, and the lockout check could not try it.
func adminWithoutPort(p *profile.Profile) diag.List {
	var list diag.List
	for _, s := range p.Services {
		if s.Admin && !hasPort(s, profile.TCP, profile.UDP) {
			list.Add(diag.Diagnostic{
				Code: "admin-without-port", Position: s.Position, Subject: "services." + s.Name + ".admin",
				Message:    "the service has no TCP or UDP port by which an admin could log in",
				Suggestion: "remove admin = true",
			})
		}
	}
	return list
}

// hasPort reports whether a service has a port of one of the protocols.
func hasPort(s profile.Service, of ...profile.Protocol) bool {
	return slices.ContainsFunc(s.Ports, func(port profile.Port) bool { return slices.Contains(of, port.Protocol) })
}

// groupsOfTCP warns of groups beside TCP or SCTP, whose connections are to one host.
func groupsOfTCP(p *profile.Profile) diag.List {
	var list diag.List
	for _, s := range p.Services {
		if len(s.Groups) > 0 && hasPort(s, profile.TCP, profile.SCTP, profile.DCCP) {
			list.Add(diag.Diagnostic{
				Code: "no-effect", Severity: diag.Warning, Position: s.Groups[0].Position, Subject: "services." + s.Name + ".groups",
				Message:    "a connection goes to one host, never to a group: the TCP, SCTP and DCCP ports of this service are closed",
				Suggestion: "state these ports in a service of their own",
			})
		}
	}
	return list
}
