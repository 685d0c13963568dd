package lower_test

import (
	"slices"
	"testing"
)

// TestSettings shows the settings behind each key of [kernel], in an order that
// does not depend on that of the profile.
func TestSettings(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"none", ``, nil},
		{"numbers and words", `
			default_ttl = 128
			syncookies = true
			rp_filter = "loose"
			conntrack_time_wait = "1m30s"
			conntrack_udp_stream = "1m"
			conntrack_max = 262144`,
			[]string{
				"net.ipv4.tcp_syncookies=1", "net.ipv4.ip_default_ttl=128",
				"net.netfilter.nf_conntrack_max=262144",
				"net.netfilter.nf_conntrack_tcp_timeout_time_wait=90", "net.netfilter.nf_conntrack_udp_timeout_stream=60", "net.ipv4.conf.*.rp_filter=2",
			}},
		{"both families", `
			accept_source_route = false
			accept_redirects = false`,
			[]string{
				"net.ipv4.conf.*.accept_redirects=0", "net.ipv6.conf.*.accept_redirects=0",
				"net.ipv4.conf.*.accept_source_route=0", "net.ipv6.conf.*.accept_source_route=0",
			}},
		{"all", `
			rfc1337 = true
			arp_ignore = true
			secure_redirects = false
			send_redirects = false
			log_martians = true
			ignore_broadcast_echo = true
			ignore_bogus_errors = true`,
			[]string{
				"net.ipv4.tcp_rfc1337=1", "net.ipv4.conf.*.secure_redirects=0", "net.ipv4.conf.*.arp_ignore=1", "net.ipv4.conf.*.send_redirects=0",
				"net.ipv4.conf.*.log_martians=1", "net.ipv4.icmp_echo_ignore_broadcasts=1", "net.ipv4.icmp_ignore_bogus_error_responses=1",
			}},
	} {
		var got []string
		for _, s := range lowered(t, "[kernel]\n"+test.text).Settings {
			got = append(got, s.Key+"="+s.Value)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", test.name, got, test.want)
		}
	}
}

// TestModules shows which modules are loaded early, and with which options: the
// table of xt_recent is made larger only where rules count by it.
func TestModules(t *testing.T) {
	const recent = "xt_recent ip_list_tot=8192"
	for _, test := range []struct {
		name, text string
		options    []string
		modules    int
	}{
		{"nothing", ``, nil, 0},
		{"conntrack_max", `kernel.conntrack_max = 262144`, nil, 1},
		{"conntrack_time_wait", `kernel.conntrack_time_wait = "10s"`, nil, 1},
		{"hashsize", `kernel.conntrack_hashsize = 32768`, []string{"nf_conntrack hashsize=32768"}, 1},
		{"quota", `services.a = { ports = ["tcp/22"], new_per_source = "10 in 60s" }`, []string{recent}, 0},
		{"rate", `services.a = { ports = ["tcp/22"], new_per_source = "10/minute" }`, nil, 0},
		{"engine", `scan = { probes = 10, engine = "recent" }`, []string{recent}, 0},
		{"the other engine", `scan = { probes = 10 }`, nil, 0},
		{"UDP quota", "udp.new_per_source = \"10 in 60s\"\nservices.a.ports = [\"udp/53\"]", []string{recent}, 0},
		{"UDP quota for no service", `udp.new_per_source = "10 in 60s"`, nil, 0},
		{"both", "kernel.conntrack_hashsize = 32768\nscan = { probes = 10, engine = \"recent\" }",
			[]string{"nf_conntrack hashsize=32768", recent}, 1},
	} {
		rs := lowered(t, test.text)
		var options []string
		for _, o := range rs.Options {
			options = append(options, o.Module+" "+o.Name+"="+o.Value)
		}
		if !slices.Equal(options, test.options) || len(rs.Modules) != test.modules {
			t.Errorf("%s: got %v and %d modules, want %v and %d", test.name, options, len(rs.Modules), test.options, test.modules)
		}
	}
}
