package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
)

// logIn looks whether the ports that were tried are some by which people log in.
// Without an open login, the admin services alone have said so, and no program
// may listen at their ports. Then the admin addresses are tried where the SSH
// server of this host does listen. If none gets in there, no login would work;
// where other programs listen for the admin services, that is only noted. A host
// without an SSH server, such as one before its first boot, is not refused.
func (q *Question) logIn(ctx context.Context, tried []*visit, found *plan.Access) (notes []string, err error) {
	declared := slices.DeleteFunc(slices.Clone(tried), func(v *visit) bool { return v.connected })
	if len(declared) == 0 || slices.ContainsFunc(tried, (*visit).isLogin) {
		return nil, nil
	}
	ports, err := probe.ListeningPorts()
	served := slices.ContainsFunc(ports.All, q.servesAdmin)
	switch {
	case err != nil, slices.ContainsFunc(ports.SSH, q.servesAdmin):
		return nil, err
	case len(ports.SSH) > 0:
		closed, err := q.trySSH(ctx, declared, ports.SSH, found)
		if closed == "" || err != nil {
			return nil, err
		}
		if !served {
			found.Closed = closed + "; " + q.unheard()
			return nil, nil
		}
		return []string{closed}, nil
	case !served:
		return []string{q.unheard() + ", and no SSH server was found: to log in, a server must listen there"}, nil
	}
	return nil, nil
}

// isLogin reports whether a visit is that of somebody who has logged in from
// elsewhere.
func (v *visit) isLogin() bool { return v.connected && v.result().Shows() }

// trySSH tries the addresses where the SSH server listens, and adds those who get
// in to what was found. If none does it says so.
func (q *Question) trySSH(ctx context.Context, tried []*visit, ports []uint16, found *plan.Access) (closed string, err error) {
	var visits []*visit
	var names []string
	for _, number := range ports {
		at := door{protocol: "tcp", number: number}
		names = append(names, at.port())
		for _, v := range tried {
			visits = append(visits, &visit{from: v.from, to: v.to, link: v.link, learned: v.learned, door: at})
		}
	}
	visits = once(visits, exactly)
	for _, round := range rounds(visits) {
		if err := q.rehearse(ctx, round); err != nil {
			return "", err
		}
	}
	closed = fmt.Sprintf("the SSH server of this host listens at %s, where no address of access.admin can connect", strings.Join(names, ", "))
	if reason := visits[0].reason; reason != "" {
		closed += " (" + reason + ")"
	}
	for _, v := range visits {
		if v.refused == "" {
			found.Sources = append(found.Sources, v.result())
			closed = ""
		}
	}
	return closed, nil
}

// unheard says of the ports of the admin services that no login works by them.
func (q *Question) unheard() string {
	var tcp, udp []string
	for _, s := range q.Bundle.Manifest.Access.Services {
		for _, p := range s.Ports {
			if p.Protocol == "tcp" {
				tcp = append(tcp, p.String())
			} else {
				udp = append(udp, p.String())
			}
		}
	}
	if len(tcp) == 0 {
		return fmt.Sprintf("the admin services have no TCP port, only %s", strings.Join(udp, ", "))
	}
	return fmt.Sprintf("no program listens at the TCP ports of the admin services (%s)", strings.Join(tcp, ", "))
}
