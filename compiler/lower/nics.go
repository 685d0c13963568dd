package lower

import "github.com/hardenctl/hardenctl/compiler/ruleset"

// nics says what each network interface that the profile names does itself.
func (l *lowering) nics() []ruleset.NIC {
	var nics []ruleset.NIC
	for _, n := range l.profile.NICs {
		part := "nics." + n.Name
		nic := ruleset.NIC{Name: n.Name, Origin: l.origin(part, n.Position)}
		for _, o := range n.Offloads {
			nic.Offloads = append(nic.Offloads, ruleset.Offload{
				Name: ruleset.OffloadName(o.Name), On: o.On, Origin: l.origin(part+"."+o.Name, o.Position)})
		}
		if n.Queues.N > 0 {
			nic.Queues = ruleset.Queues{N: n.Queues.N, Origin: l.origin(part+".queues", n.Queues.Position)}
		}
		nics = append(nics, nic)
	}
	return nics
}
