package profile

import (
	"fmt"
	"time"
)

// Bounds of single keys.
const (
	maxDescription = 255 // what a rule's comment holds
	// maxPrefix leaves room for the longest reason, "trusted ", in the 29 bytes
	// that a LOG rule holds; iptables cuts a longer prefix silently.
	maxPrefix      = 29 - 8
	maxConnections = 1 << 20
)

// What [log] is where it is stated in part.
const defaultPrefix = "IPTables-Dropped: "

var (
	defaultLogRate   = Rate{Count: 5, Per: time.Minute, Burst: 10}
	defaultPerSource = Rate{Count: 1, Per: time.Minute, Burst: 3}
)

// decode reads the whole tree.
func (d *decoder) decode(root *node) {
	d.root = root
	d.profile.Policy = Policy{Input: Drop, Forward: Leave, IPv6: true}
	d.profile.Scan = Scan{Scope: Everything, Engine: Sets}
	d.knowZones(root)
	d.knowSets(root)
	d.knowKnocks(root)
	d.table(root, fields{
		// The first two are read before the layers are laid over one another.
		"version":     {form: fmt.Sprint(version)},
		"include":     {form: "a list of profiles: paths, and builtin:NAME"},
		"description": d.line(&d.profile.Description, 0, maxDescription, ""),
		"policy":      tableOf(d.policy),
		"zones":       tableOf(func(n *node) { d.named(n, "zone", d.zone) }),
		"sets":        tableOf(func(n *node) { d.named(n, "set", d.set) }),
		"access":      tableOf(d.access),
		"services":    tableOf(func(n *node) { d.named(n, "service", d.service) }),
		"scan":        d.switched(d.scan),
		"icmp":        d.switched(d.icmp),
		"udp":         d.switched(d.udp),
		"log":         d.switched(d.log),
		"fail2ban":    tableOf(d.fail2ban),
		"kernel":      d.switched(d.kernel),
		"knocks":      tableOf(d.doors),
		"nics":        tableOf(d.nics),
	})
	if services := root.child("services"); services != nil {
		inOrderOfAsking(d.profile.Services, names(services))
	}
	d.jailScopes()
}

func (d *decoder) policy(n *node) {
	p := &d.profile.Policy
	p.Position = n.key
	d.table(n, fields{
		"input":   choice(d, &p.Input, Drop, Reject),
		"forward": choice(d, &p.Forward, Leave, Drop, Published),
		"inside":  d.interfaces(&p.Inside),
		"ipv6":    d.boolean(&p.IPv6),
		"dhcp":    d.boolean(&p.DHCP),
		"search":  d.boolean(&p.Search),
		"before":  d.chains(&p.Before),
	})
	if inside := n.child("inside"); inside != nil && p.Forward != Published {
		d.warn("no-effect", inside, `does nothing, since policy.forward is not "published"`)
		p.Inside = nil
	}
}

func (d *decoder) service(n *node) {
	s := Service{Name: n.name, Position: n.key}
	d.remarkable(n, fields{
		"ports":                  d.ports(&s.Ports, PortProtocols...),
		"protocols":              d.protocols(&s.Protocols),
		"groups":                 d.groups(&s.Groups),
		"admin":                  d.boolean(&s.Admin),
		"from":                   d.from(&s.From),
		"zones":                  d.zoneNames(&s.Zones),
		"new_per_source":         d.limit(&s.NewPerSource),
		"connections_per_source": d.count(&s.ConnectionsPerSource, 1, maxConnections),
		"knock":                  d.knockName(&s.Knock),
		"synproxy":               d.boolean(&s.SynProxy),
	})
	switch ports := n.child("ports"); {
	case ports == nil && n.child("protocols") != nil:
	case ports == nil && !n.partial:
		d.add(&flaw{
			Code: "no-ports", Message: "states neither ports nor protocols", Suggestion: d.meant(n, "ports", `add ports = ["tcp/443"]`),
		}, n.key, n.path)
	case ports != nil && ports.kind == kindArray && len(ports.children) == 0 && !ports.partial && n.child("protocols") == nil:
		d.add(&flaw{
			Code: "no-ports", Message: "is empty, so that the service has no ports",
			Suggestion: "to switch the service off, write enabled = false in its table",
		}, ports.value, ports.path)
	}
	d.profile.Services = append(d.profile.Services, s)
}

func (d *decoder) ports(to *[]Port, protocols ...Protocol) reader {
	return reader{"a list of ports", nil, func(n *node) {
		seen := map[Port]bool{}
		for _, element := range texts(n, `a list of ports such as ["tcp/443"]`, d.list) {
			port, flaw := parsePort(element.scalar.(string), protocols...)
			if flaw != nil {
				d.add(flaw, element.value, element.path)
				continue
			}
			if seen[port] {
				d.warn("duplicate", element, "%s is listed twice", quote(element.scalar.(string)))
				continue
			}
			seen[port] = true
			port.Position = element.value
			*to = append(*to, port)
		}
	}}
}

// icmp reads echo_replies = false as the word of a layer that undoes the limit of
// another: what is not stated at all is not answered.
func (d *decoder) icmp(n *node) {
	i, echo := &d.profile.ICMP, true
	i.Position = n.key
	d.optional(n, fields{
		"echo_replies":    d.boolean(&echo),
		"echo_per_source": d.rateLimit(&i.EchoPerSource),
		"echo_from":       d.refs(&i.EchoFrom, toServe),
	})
	if !echo {
		i.EchoPerSource, i.EchoFrom = Limit{}, nil
	}
}

func (d *decoder) udp(n *node) {
	d.profile.UDP.Position = n.key
	d.optional(n, fields{
		"new_per_source":     d.limit(&d.profile.UDP.NewPerSource),
		"packets_per_source": d.rateLimit(&d.profile.UDP.PacketsPerSource),
	})
}

func (d *decoder) log(n *node) {
	l := &d.profile.Log
	*l = Log{Position: n.key, Prefix: defaultPrefix, Rate: defaultLogRate, PerSource: defaultPerSource}
	d.optional(n, fields{
		"prefix":           d.line(&l.Prefix, 1, maxPrefix, `"'\`),
		"rate":             d.rate(&l.Rate),
		"lines_per_source": d.rate(&l.PerSource),
	})
}
