package check

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// noAdminInFallback warns where the fallback rules let no admin in, which a host boots
// with if those of the profile cannot be loaded: they have no knocks, and where
// the profile names no administrator they are open to the sources of a service. What is
// trusted of a zone gets in.
func noAdminInFallback(p *profile.Profile) diag.List {
	opens := func(s profile.Service) bool { return s.Admin && (s.AnySource() || len(s.From) > 0) }
	knocked := slices.IndexFunc(p.Services, func(s profile.Service) bool { return s.Admin && !opens(s) })
	if knocked < 0 || len(p.Access.Admin) > 0 || slices.ContainsFunc(p.Zones, trusts) || slices.ContainsFunc(p.Services, opens) {
		return nil
	}
	s := p.Services[knocked]
	return diag.List{{
		Code: "closed-to-all", Severity: diag.Warning, Position: s.Position, Subject: "services." + s.Name,
		Message:    "opens only to a knock, and access.admin is empty: if the saved rules fail to load at boot, no one can log in",
		Suggestion: `state from where you could log in then, such as [access] admin = ["192.0.2.7"]`,
	}}
}
