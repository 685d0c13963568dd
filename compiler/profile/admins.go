package profile

import (
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// admins are the services that some layer marks admin, and what layers above have
// taken away: a profile that loses the last of them locks its owner out.
type admins struct {
	marked  map[string]bool          // names of services
	removed map[string]diag.Position // by dotted path: the element of remove
}

// note notes the services that a file marks admin, before it is laid over others.
func (a *admins) note(tree *node) {
	services := tree.child("services")
	if services == nil || services.kind != kindTable {
		return
	}
	for _, s := range services.children {
		if s.kind == kindTable && s.child("admin") != nil && s.child("admin").scalar == true {
			a.marked[s.name] = true
		}
	}
}

// lost returns a service that was marked admin and no longer is, with the place that
// took it away; the zero value while any service of the profile is marked admin.
func (a *admins) lost(root *node, services []Service) Named {
	if slices.ContainsFunc(services, func(s Service) bool { return s.Admin }) {
		return Named{}
	}
	for _, name := range slices.Sorted(maps.Keys(a.marked)) {
		if at, ok := a.takenAway(root, name); ok {
			return Named{Position: at, Name: name}
		}
	}
	return Named{}
}

// takenAway is where a layer took away a service, or its mark.
func (a *admins) takenAway(root *node, name string) (at diag.Position, ok bool) {
	if services := root.child("services"); services != nil && services.child(name) != nil {
		s := services.child(name)
		switch enabled, admin := s.child(enabledKey), s.child("admin"); {
		case enabled != nil && enabled.scalar == false:
			return enabled.key, true
		case admin != nil && admin.scalar == false:
			return admin.key, true
		}
	}
	path := join("services", name)
	for _, path := range []string{join(path, "admin"), path, "services"} {
		if at, ok := a.removed[path]; ok {
			return at, true
		}
	}
	return at, false
}
