package check

import (
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// nothingToProxy warns of services that ask for SYNPROXY and have no TCP port,
// since UDP has no SYN.
func nothingToProxy(p *profile.Profile) diag.List {
	var list diag.List
	for _, s := range p.Services {
		tcp := hasPort(s, profile.TCP)
		if s.SynProxy && !tcp {
			list.Add(diag.Diagnostic{
				Code: "no-effect", Severity: diag.Warning, Position: s.Position, Subject: "services." + s.Name + ".synproxy",
				Message: "does nothing, since the service has no TCP port",
			})
		}
	}
	return list
}
