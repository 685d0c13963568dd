package main

import (
	"strings"
	"testing"
)

// Reach says for each port the sources in the words of the profile, and in which states
// they are refused.
func TestReach(t *testing.T) {
	enter(t, map[string]string{"a.toml": asked + `
[services.hidden]
ports = ["tcp/2222"]
knock = "front"
[knocks.front]
sequence = ["tcp/7001", "udp/8002", "tcp/9003"]
`})
	for line, c := range map[string]struct{ has, hasNot []string }{
		"a.toml": {
			[]string{
				"tcp/22 from @office but access.admin\n    rule ", "services.ssh", "tcp/80 from everyone but access.admin and access.block\n", "unless: the source has more than 20 connections",
				"accepted only in some states of sets and limits:", "tcp/2222 from everyone but access.admin and access.block", "    if: the source is in hardenctl-",
			},
			[]string{"from 0.0.0.0/0"},
		},
		"a.toml --port tcp/22":       {[]string{"tcp/22 from @office but access.admin\n"}, []string{"tcp/80", "tcp/2222"}},
		"a.toml --from 192.0.2.7":    {[]string{"tcp/80 from 192.0.2.7\n"}, []string{"tcp/22 ", "IPv6"}},
		"a.toml --from 198.51.100.7": {[]string{"igmp from 198.51.100.7 to 224.0.0.0/4\n"}, []string{"tcp/", "udp/"}},
		"a.toml --from 2001:db8::7":  {[]string{"tcp/80 from 2001:db8::7\n"}, []string{"tcp/22 ", "IPv4"}},
	} {
		r := run(t, append([]string{"reach"}, strings.Fields(line)...)...)
		for _, want := range c.has {
			if r.code != 0 || !strings.Contains(r.stdout, want) {
				t.Errorf("%s: exit code %d, %q is not in\n%s%s", line, r.code, want, r.stdout, r.stderr)
			}
		}
		for _, not := range c.hasNot {
			if strings.Contains(r.stdout, not) {
				t.Errorf("%s: %q is in\n%s", line, not, r.stdout)
			}
		}
	}
}

// Reach says interfaces as the zones of the profile.
func TestReachOfZones(t *testing.T) {
	enter(t, map[string]string{"a.toml": `version = 1
[zones.vpn]
interfaces = ["wg0", "tailscale+"]
[zones.pods]
interfaces = ["cni0"]
trust = "all"
[zones.lan]
interfaces = ["lan0"]
trust = ["192.0.2.0/24"]
[services.ssh]
ports = ["tcp/22"]
zones = ["vpn"]
[services.dns]
ports = ["udp/53"]
connections_per_source = 5
new_per_source = "3/second"
zones = ["vpn"]
`})
	r := run(t, "reach", "a.toml")
	for _, want := range []string{"tcp/22 from everyone by wg0 (zone vpn)\n", "tcp/22 from everyone by tailscale+ (zone vpn)\n", "udp/53 from everyone by zone vpn\n",
		"every protocol but icmp from everyone by zone pods\n", "every protocol but icmp from zones.lan.trust by zone lan\n"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s%s", want, r.stdout, r.stderr)
		}
	}
}
