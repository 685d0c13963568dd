package proof

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// arrivals are the packets of other hosts by which connections to this one begin.
func (r *rules) arrivals() bdd.Node {
	return r.g.And(r.Without(r.First(), r.By(exact.In, "lo")), r.ToOne())
}

// adminsGetIn finds what keeps admin sources from the services marked admin, whatever is
// banned, blocked, counted or used up.
func (r *rules) adminsGetIn() (list diag.List) {
	if r.closed() {
		return nil
	}
	for _, s := range r.profile.Services {
		if !s.Admin {
			continue
		}
		for _, port := range s.Ports {
			want := r.g.And(r.arrivals(), r.ask(s, port), r.admins())
			list = append(list, r.admin(s, port, r.Settle(r.Without(want, r.let(r.walk(exact.Input)))))...)
		}
	}
	return list
}

// admin returns the finding about packets of admin sources that are refused.
func (r *rules) admin(s profile.Service, port profile.Port, refused bdd.Node) diag.List {
	if refused == bdd.False {
		return nil
	}
	d := diag.Diagnostic{
		Code: "admin-refused", Position: port.Position, Subject: "services." + s.Name + ".ports",
		Message:    fmt.Sprintf("access.admin holds sources that do not reach %s", port),
		Suggestion: fault,
	}
	if usual := r.Usually(refused); usual != bdd.False {
		refused = usual
	} else {
		d.Message += " in every state of the host"
	}
	return diag.List{r.finding(exact.Input, refused, d)}
}
