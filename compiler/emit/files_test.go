package emit_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

func origin(part string) ruleset.Origin {
	return ruleset.Origin{Part: part, Position: diag.Position{File: "a.toml", Line: 1}}
}

// example uses every kind of thing that a ruleset can hold.
var example = &ruleset.Ruleset{
	Tables: []ruleset.Table{
		{Family: ruleset.V4, Name: "filter", Chains: []ruleset.Chain{
			{Name: "INPUT", Policy: ruleset.PolicyDrop, Owned: true, Rules: []ruleset.Rule{{Target: ruleset.Jump{Chain: "HARDENCTL-INPUT"}}}},
			{Name: "OUTPUT", Policy: ruleset.PolicyAccept},
			{Name: "HARDENCTL-INPUT", Rules: []ruleset.Rule{
				{Matches: []ruleset.Match{ruleset.Interface{Name: "lo"}}, Target: ruleset.Accept, Comment: "policy"},
				{Target: ruleset.Drop},
			}},
		}},
	},
	Sets: []ruleset.Set{
		{Name: "hardenctl-block-v4", Family: ruleset.V4, Type: ruleset.HashNet, HashSize: 1024, MaxElements: 65536,
			Members: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32")}},
		{Name: "hardenctl-ban-v6", Family: ruleset.V6, Type: ruleset.HashIP, Dynamic: true, HashSize: 16384, MaxElements: 65536,
			Netmask: 64, Timeout: time.Hour},
		{Name: "hardenctl-seen-v4", Family: ruleset.V4, Type: ruleset.HashIPPort, Dynamic: true, HashSize: 16384, MaxElements: 65536,
			Timeout: time.Minute, Counters: true, ForceAdd: true},
	},
	Settings: []ruleset.Setting{
		{Key: "net.ipv4.tcp_syncookies", Value: "1", Origin: origin("kernel.syncookies")},
		{Key: "net.ipv4.conf.*.accept_redirects", Value: "0", Origin: origin("kernel.accept_redirects")},
		{Key: "net.ipv6.conf.*.accept_redirects", Value: "0", Origin: origin("kernel.accept_redirects")},
	},
	Options: []ruleset.ModuleOption{{Module: "nf_conntrack", Name: "hashsize", Value: "32768", Origin: origin("kernel.conntrack_hashsize")}},
	Modules: []ruleset.Module{{Name: "nf_conntrack"}},
}

func TestFiles(t *testing.T) {
	want := []struct{ name, text string }{
		{bundle.RulesV4, bundle.Header + `
*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:HARDENCTL-INPUT - [0:0]
-A INPUT -j HARDENCTL-INPUT
-A HARDENCTL-INPUT -i lo -m comment --comment policy -j ACCEPT
-A HARDENCTL-INPUT -j DROP
COMMIT
`},
		{bundle.Sets, `create hardenctl-block-v4 hash:net family inet hashsize 1024 maxelem 65536
add hardenctl-block-v4 192.0.2.0/24
add hardenctl-block-v4 198.51.100.7
create hardenctl-ban-v6 hash:ip family inet6 hashsize 16384 maxelem 65536 netmask 64 timeout 3600
create hardenctl-seen-v4 hash:ip,port family inet hashsize 16384 maxelem 65536 timeout 60 counters forceadd
`},
		{bundle.Sysctl, `# kernel.syncookies
net.ipv4.tcp_syncookies = 1
# kernel.accept_redirects
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
-net.ipv4.conf.*.accept_redirects = 0
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.default.accept_redirects = 0
-net.ipv6.conf.*.accept_redirects = 0
`},
		{bundle.ModProbe, "# kernel.conntrack_hashsize\noptions nf_conntrack hashsize=32768\n"},
		{bundle.ModulesLoad, "nf_conntrack\n"},
	}
	files := emit.Files(example)
	if len(files) != len(want) {
		t.Fatalf("got %d files, want %d: what would be empty is left out", len(files), len(want))
	}
	for i, f := range files {
		if f.Name != want[i].name || string(f.Text) != want[i].text {
			t.Errorf("got %s\n%s\nwant %s\n%s", f.Name, f.Text, want[i].name, want[i].text)
		}
	}
}

func TestNothing(t *testing.T) {
	if files := emit.Files(&ruleset.Ruleset{}); files != nil {
		t.Errorf("an empty ruleset gave %v", files)
	}
}
