package lower

import (
	"slices"
	"strconv"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// keys are the kernel settings behind each key of [kernel], in the order in
// which they are written. "*" means every interface: for most of these
// the kernel looks at "all" and at the interface, in ways that differ, and
// existing interfaces do not take over what "all" or "default" say.
var keys = []struct {
	name string
	keys []string
}{
	// First: a write to ip_forward changes other settings of interfaces, such as
	// accept_redirects (inet_forward_change in the kernel's devinet.c).
	{"forwarding", []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"}},
	{"syncookies", []string{"net.ipv4.tcp_syncookies"}},
	{"rfc1337", []string{"net.ipv4.tcp_rfc1337"}},
	{"default_ttl", []string{"net.ipv4.ip_default_ttl"}},
	{"conntrack_max", []string{"net.netfilter.nf_conntrack_max"}},
	{"conntrack_time_wait", []string{"net.netfilter.nf_conntrack_tcp_timeout_time_wait"}},
	{"conntrack_udp_stream", []string{"net.netfilter.nf_conntrack_udp_timeout_stream"}},
	{"rp_filter", []string{"net.ipv4.conf.*.rp_filter"}},
	{"accept_redirects", []string{"net.ipv4.conf.*.accept_redirects", "net.ipv6.conf.*.accept_redirects"}},
	{"secure_redirects", []string{"net.ipv4.conf.*.secure_redirects"}},
	{"arp_ignore", []string{"net.ipv4.conf.*.arp_ignore"}},
	{"send_redirects", []string{"net.ipv4.conf.*.send_redirects"}},
	{"accept_source_route", []string{"net.ipv4.conf.*.accept_source_route", "net.ipv6.conf.*.accept_source_route"}},
	{"log_martians", []string{"net.ipv4.conf.*.log_martians"}},
	{"ignore_broadcast_echo", []string{"net.ipv4.icmp_echo_ignore_broadcasts"}},
	{"ignore_bogus_errors", []string{"net.ipv4.icmp_ignore_bogus_error_responses"}},
}

// knob returns a key of [kernel], if the profile states it.
func (l *lowering) knob(name string) (profile.Knob, bool) {
	for _, k := range l.profile.Kernel {
		if k.Name == name {
			return k, true
		}
	}
	return profile.Knob{}, false
}

func (l *lowering) settings() []ruleset.Setting {
	var settings []ruleset.Setting
	for _, k := range keys {
		knob, stated := l.knob(k.name)
		if !stated {
			continue
		}
		for _, key := range k.keys {
			settings = append(settings, ruleset.Setting{
				Key: key, Value: strconv.FormatInt(knob.Value, 10), Origin: l.origin("kernel."+k.name, knob.Position)})
		}
	}
	return append(settings, l.proxySettings()...)
}

// recentSources is how many sources each list of xt_recent remembers. Its own
// default is 100: a scanner is forgotten after 100 others.
const recentSources = "8192"

func (l *lowering) moduleOptions(tables []ruleset.Table) []ruleset.ModuleOption {
	var options []ruleset.ModuleOption
	if knob, stated := l.knob("conntrack_hashsize"); stated {
		options = append(options, ruleset.ModuleOption{
			Module: "nf_conntrack", Name: "hashsize", Value: strconv.FormatInt(knob.Value, 10),
			Origin: l.origin("kernel.conntrack_hashsize", knob.Position)})
	}
	if origin, uses := usesRecent(tables); uses {
		options = append(options, ruleset.ModuleOption{
			Module: "xt_recent", Name: "ip_list_tot", Value: recentSources, Origin: origin})
	}
	return options
}

// usesRecent returns the origin of the first rule that counts by xt_recent.
func usesRecent(tables []ruleset.Table) (origin ruleset.Origin, uses bool) {
	for _, t := range tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if slices.ContainsFunc(r.Matches, isRecent) {
					return r.Origin, true
				}
			}
		}
	}
	return ruleset.Origin{}, false
}

func isRecent(m ruleset.Match) bool {
	_, ok := m.(ruleset.Recent)
	return ok
}

// modules lists what must be loaded before settings are written: the conntrack
// settings do not exist without their module.
func (l *lowering) modules() []ruleset.Module {
	for _, name := range []string{"conntrack_max", "conntrack_hashsize", "conntrack_time_wait", "conntrack_udp_stream"} {
		if knob, stated := l.knob(name); stated {
			return []ruleset.Module{{Name: "nf_conntrack", Origin: l.origin("kernel."+name, knob.Position)}}
		}
	}
	if l.proxies() {
		return []ruleset.Module{{Name: "nf_conntrack", Origin: l.proxyOrigin()}}
	}
	return nil
}
