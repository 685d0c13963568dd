package check

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// nothingUntracked warns where no admin source or no admin service is there whose
// connections conntrack need not see.
func nothingUntracked(p *profile.Profile) diag.List {
	var list diag.List
	some := slices.ContainsFunc(p.Services, func(s profile.Service) bool {
		return s.Admin && !s.SynProxy && slices.ContainsFunc(s.Ports, func(port profile.Port) bool { return port.Protocol == profile.TCP })
	})
	if p.Access.AdminUntracked && (len(p.Access.Admin) == 0 || !some) {
		list.Add(diag.Diagnostic{
			Code: "no-effect", Severity: diag.Warning, Position: p.Access.Position, Subject: "access.admin_untracked",
			Message: "does nothing without admin, and a service marked admin that has a TCP port and no synproxy",
		})
	}
	return list
}
