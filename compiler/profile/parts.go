package profile

import "time"

// Bounds of single keys.
const (
	maxDescription = 255 // what a rule's comment holds
	maxPrefix      = 29  // what a LOG rule holds; iptables cuts a longer one silently
	maxConnections = 1 << 20
	maxProbes      = 10000
	// maxRecentProbes leaves one of the 255 packets that xt_recent counts for
	// the probe that bans.
	maxRecentProbes = maxQuota - 1
	// maxBan is what ipset takes as a timeout, 2,147,483 s, in whole days.
	maxBan = 24 * 24 * time.Hour
)

// What [scan] and [log] are where they are stated in part.
const (
	defaultScanWindow = time.Minute
	defaultBan        = time.Hour
	defaultPrefix     = "IPTables-Dropped: "
)

var defaultLogRate = Rate{Count: 5, Per: time.Minute, Burst: 10}

// decode reads the whole tree.
func (d *decoder) decode(root *node) {
	d.profile.Policy = Policy{Input: Drop, Forward: Leave, IPv6: true}
	d.profile.Scan = Scan{Scope: Everything, Engine: Hashlimit}
	d.knowSets(root)
	d.table(root, fields{
		"description": d.line(&d.profile.Description, 0, maxDescription, ""),
		"policy":      d.policy,
		"sets":        func(n *node) { d.named(n, "set", d.set) },
		"access":      d.access,
		"services":    func(n *node) { d.named(n, "service", d.service) },
		"scan":        d.scan,
		"icmp":        d.icmp,
		"udp":         d.udp,
		"log":         d.log,
		"kernel":      d.kernel,
		"knocks":      d.later,
		"fail2ban":    d.later,
		"nics":        d.later,
		"expect":      d.later,
	})
}

func (d *decoder) policy(n *node) {
	p := &d.profile.Policy
	p.Position = n.key
	d.table(n, fields{
		"input":   choice(d, &p.Input, Drop, Reject),
		"forward": d.forward,
		"ipv6":    d.boolean(&p.IPv6),
		"dhcp":    d.boolean(&p.DHCP),
	})
}

func (d *decoder) forward(n *node) {
	if n.scalar == "published" {
		d.add(&flaw{
			Code: "bad-value", Message: `"published" is not in this version of hardenctl`,
			Suggestion: `write "leave", which keeps hands off FORWARD`,
		}, n.value, n.path)
		return
	}
	choice(d, &d.profile.Policy.Forward, Leave, Drop)(n)
}

func (d *decoder) service(n *node) {
	s := Service{Name: n.name, Position: n.key}
	d.table(n, fields{
		"ports":                  d.ports(&s.Ports),
		"admin":                  d.boolean(&s.Admin),
		"from":                   d.from(&s.From),
		"new_per_source":         d.limit(&s.NewPerSource),
		"connections_per_source": d.count(&s.ConnectionsPerSource, 1, maxConnections),
		"knock":                  d.later,
	})
	if n.child("ports") == nil && !n.partial {
		d.add(&flaw{
			Code: "no-ports", Message: "states no ports", Suggestion: `add ports = ["tcp/443"]`,
		}, n.key, n.path)
	}
	d.profile.Services = append(d.profile.Services, s)
}

func (d *decoder) ports(to *[]Port) func(*node) {
	return func(n *node) {
		seen := map[Port]bool{}
		for _, element := range texts(n, `a list of ports such as ["tcp/443"]`, d.list) {
			port, flaw := parsePort(element.scalar.(string))
			if flaw != nil {
				d.add(flaw, element.value, element.path)
				continue
			}
			if seen[port] {
				d.warn("duplicate", element, "%s stands twice in this list", quote(element.scalar.(string)))
				continue
			}
			seen[port] = true
			port.Position = element.value
			*to = append(*to, port)
		}
		if n.kind == kindArray && len(n.children) == 0 {
			d.errorf("no-ports", n, "is empty, so that the service has no ports")
		}
	}
}

func (d *decoder) scan(n *node) {
	s := &d.profile.Scan
	*s = Scan{Position: n.key, Window: defaultScanWindow, Ban: defaultBan, Scope: Everything, Engine: Hashlimit}
	var probes Count
	d.table(n, fields{
		"probes":    d.count(&probes, 1, maxProbes),
		"window":    d.duration(&s.Window, time.Second, maxWindow),
		"ban":       d.duration(&s.Ban, time.Second, maxBan),
		"scope":     choice(d, &s.Scope, Everything, Hidden),
		"engine":    choice(d, &s.Engine, Hashlimit, Recent),
		"stealth":   d.boolean(&s.Stealth),
		"slow":      d.later,
		"tripwires": d.later,
	})
	s.Probes = probes.N
	switch {
	case probes.N > maxRecentProbes && s.Engine == Recent:
		d.errorf("out-of-range", n.child("probes"),
			"%d is more than the engine \"recent\" can count, %d", probes.N, maxRecentProbes)
	case n.child("probes") == nil && !n.partial:
		d.scanWithoutProbes(n)
	}
}

// scanWithoutProbes warns of keys that do nothing, since nobody is banned.
func (d *decoder) scanWithoutProbes(n *node) {
	for _, key := range []string{"window", "ban", "scope", "engine"} {
		if c := n.child(key); c != nil {
			d.warn("no-effect", c, "does nothing, since scan.probes is not stated")
		}
	}
	d.profile.Scan.Window, d.profile.Scan.Ban = 0, 0
}

// icmp reads echo_replies = false as the word of a layer that takes back the limit of
// another: what is not stated at all is not answered.
func (d *decoder) icmp(n *node) {
	i, echo := &d.profile.ICMP, true
	i.Position = n.key
	d.table(n, fields{
		"echo_replies":    d.boolean(&echo),
		"echo_per_source": d.rateLimit(&i.EchoPerSource),
	})
	if !echo {
		i.EchoPerSource = Limit{}
	}
}

func (d *decoder) udp(n *node) {
	d.profile.UDP.Position = n.key
	d.table(n, fields{
		"new_per_source":     d.limit(&d.profile.UDP.NewPerSource),
		"packets_per_source": d.rateLimit(&d.profile.UDP.PacketsPerSource),
	})
}

func (d *decoder) log(n *node) {
	l := &d.profile.Log
	*l = Log{Position: n.key, Prefix: defaultPrefix, Rate: defaultLogRate}
	d.table(n, fields{
		"prefix": d.line(&l.Prefix, 1, maxPrefix, `"'\`),
		"rate":   d.rate(&l.Rate),
	})
}
