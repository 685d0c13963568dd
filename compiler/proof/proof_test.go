package proof_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/proof"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/profiles"
)

// compiled reads and compiles a profile: the text of one, or the name of a built-in one.
func compiled(t testing.TB, text string) (*profile.Profile, *bundle.Bundle) {
	t.Helper()
	name := "a.toml"
	if strings.HasPrefix(text, "builtin:") {
		name = text
	}
	files := profile.Folders{Builtins: profiles.FS(), Root: fstest.MapFS{name: {Data: []byte("version = 1\n" + text)}}}
	p, list := profile.Read(name, files)
	if p == nil || list.HasErrors() {
		t.Fatalf("the profile of this test is wrong: %v", list)
	}
	return p, compiler.Build(name, p)
}

// builtins are the built-in profiles.
func builtins(t testing.TB) (names []string) {
	t.Helper()
	all, _ := profile.Folders{Builtins: profiles.FS()}.BuiltIn()
	if len(all) < 10 {
		t.Fatal(all)
	}
	return all
}

func text(list diag.List) string {
	var b strings.Builder
	diag.Print(&b, list, nil, false)
	return b.String()
}

// TestBuiltIns holds that the rules of each built-in profile are what it states.
func TestBuiltIns(t *testing.T) {
	for _, name := range builtins(t) {
		if list := proof.Bundle(compiled(t, name)); len(list) > 0 {
			t.Errorf("%s:\n%s", name, text(list))
		}
	}
}

// TestProtocolsAndGroups holds the same of what is not a port of TCP or UDP, and that a
// source which a service does not state is told apart.
func TestProtocolsAndGroups(t *testing.T) {
	const profile = `include = ["builtin:web"]
access = { admin = ["192.0.2.1"], exempt = ["192.0.2.9"] }
services.tunnels = { protocols = ["vrrp", "esp", "ah", "ipv6", 97, "igmp", "sctp"], from = ["192.0.2.31", "2001:db8::31"] }
services.diameter.ports = ["sctp/3868", "udplite/3868", "dccp/5"]
services.mdns = { ports = ["udp/5353"], groups = ["mdns", "broadcast"] }
icmp = { remove = ["echo_per_source"], echo_from = ["198.51.100.7"] }
`
	if list := proof.Bundle(compiled(t, profile)); len(list) > 0 {
		t.Error(text(list))
	}
	_, of := compiled(t, profile)
	for _, line := range []string{`services.tunnels`, `services.diameter`, `services.mdns`} {
		lines := slices.DeleteFunc(strings.SplitAfter(profile, "\n"), func(l string) bool { return strings.HasPrefix(l, line) })
		less, _ := compiled(t, strings.Join(lines, ""))
		if list := proof.Bundle(less, of); !strings.Contains(text(list), "which the profile does not state") {
			t.Errorf("without %s the rules let in no more:\n%s", line, text(list))
		}
	}
}

// TestZones holds that a service in a zone is stated by its interfaces alone: rules that let
// it in elsewhere, or refuse it there, are found.
func TestZones(t *testing.T) {
	const profile = `include = ["builtin:web"]
access = { admin = ["192.0.2.1"], exempt = ["192.0.2.9"] }
zones = { vpn.interfaces = ["wg0", "tailscale+"], lan.interfaces = ["br-+"] }
services.ssh.zones = ["vpn"]
services.dns = { ports = ["udp/53"], zones = ["lan"], from = ["10.0.0.0/8", "fd00::/8"] }
services.pair = { protocols = ["vrrp"], zones = ["lan"] }
services.web = { ports = ["tcp/8080"], zones = ["lan"], synproxy = true, new_per_source = "10/second", connections_per_source = 400 }
services.door = { ports = ["tcp/2222"], zones = ["vpn"], knock = "front" }
knocks.front.sequence = ["tcp/7001", "udp/8002", "tcp/9003"]
`
	if list := proof.Bundle(compiled(t, profile)); len(list) > 0 {
		t.Error(text(list))
	}
	untracked := strings.Replace(profile, "access = { ", "access = { admin_untracked = true, ", 1)
	if list := proof.Bundle(compiled(t, untracked)); len(list) > 0 {
		t.Error(text(list))
	}
	const set = "sets.office = { addresses = [\"10.0.0.0/8\", \"fd00::/8\"], zone = \"lan\" }\n"
	ofSet := strings.Replace(profile, `zones = ["lan"], from = ["10.0.0.0/8", "fd00::/8"]`, `from = ["@office", "192.0.2.31"]`, 1) + set
	one, of := compiled(t, ofSet)
	if list := proof.Bundle(one, of); len(list) > 0 {
		t.Error(text(list))
	}
	_, everywhere := compiled(t, strings.Replace(ofSet, `, zone = "lan"`, "", 1))
	if list := proof.Bundle(one, everywhere); !strings.Contains(text(list), "udp/53, which the profile does not state") {
		t.Errorf("what is open by other interfaces to a set is not found:\n%s", text(list))
	}
	p, b := compiled(t, profile)
	wide, _ := compiled(t, strings.Replace(profile, `services.ssh.zones = ["vpn"]`, "", 1))
	narrow, _ := compiled(t, strings.Replace(profile, `services.ssh.zones = ["vpn"]`, `services.ssh.zones = ["vpn", "lan"]`, 1))
	if list := proof.Bundle(wide, b); !strings.Contains(text(list), "do not reach tcp/22") {
		t.Errorf("what is closed by other interfaces is not found:\n%s", text(list))
	}
	if list := proof.Bundle(narrow, b); !strings.Contains(text(list), "do not reach tcp/22") {
		t.Errorf("what is closed by one zone is not found:\n%s", text(list))
	}
	_, open := compiled(t, strings.Replace(profile, `services.ssh.zones = ["vpn"]`, "", 1))
	if list := proof.Bundle(p, open); !strings.Contains(text(list), "which the profile does not state") {
		t.Errorf("what is open by other interfaces is not found:\n%s", text(list))
	}
}

// trusting has a way for packets before each rule that trust is about.
const trusting = `policy.forward = "published"
access = { admin = ["192.0.2.1"], block = ["10.8.0.0/16", "fd08::/32"] }
scan = { probes = 3, stealth = true, tripwires = ["tcp/23"] }
icmp.echo_per_source = "1/second"
udp.packets_per_source = "100/second"
zones.vpn = { interfaces = ["wg0", "tailscale+"], trust = "all" }
zones.lan = { interfaces = ["br-+"], trust = ["10.8.0.0/24", "fd08::/64"] }
services.ssh = { ports = ["tcp/22"], admin = true, zones = ["vpn", "lan"] }
services.dns = { ports = ["udp/53"], from = ["10.0.0.0/8", "fd00::/8"] }
services.web = { ports = ["tcp/8080"], zones = ["lan"], synproxy = true, connections_per_source = 40 }
`

// TestTrust holds that what a zone's trust states reaches every port, and nothing else does:
// rules that trust less are found, and rules that trust more.
func TestTrust(t *testing.T) {
	for _, change := range [][2]string{
		{"", ""}, {"access = { ", "access = { admin_untracked = true, "},
		{`policy.forward = "published"`, `policy = { forward = "published", inside = ["docker0"] }`},
		{`policy.forward = "published"`, "policy = { ipv6 = false, forward = \"drop\" }"},
		{"services.web", `services.door = { ports = ["tcp/2222"], zones = ["vpn", "lan"], knock = "front" }
knocks.front.sequence = ["tcp/7001", "udp/8002", "tcp/9003"]
services.web`},
	} {
		if list := proof.Bundle(compiled(t, strings.Replace(trusting, change[0], change[1], 1))); len(list) > 0 {
			t.Errorf("with %s:\n%s", change[1], text(list))
		}
	}
	p, b := compiled(t, trusting)
	less := strings.Replace(trusting, `["10.8.0.0/24", "fd08::/64"]`, `["10.8.0.0/25", "fd08::/65"]`, 1)
	for less, want := range map[string]string{less: "lan", strings.Replace(trusting, `trust = "all"`, `trust = ["0.0.0.0/1", "8000::/1"]`, 1): "vpn"} {
		q, fewer := compiled(t, less)
		if list := proof.Bundle(p, fewer); !strings.Contains(text(list), "zones."+want+".trust: packets that are trusted do not reach") {
			t.Errorf("less in %s is not found:\n%s", want, text(list))
		}
		if list := proof.Bundle(q, b); !strings.Contains(text(list), "which the profile does not state") {
			t.Errorf("more in %s is not found:\n%s", want, text(list))
		}
	}
}

// TestTrustIsEverywhere takes each rule of trust out of the rules, one by one. The proof says
// nothing of two chains, which decide nothing by themselves: raw's, which hides packets from
// conntrack, and that of answers.
func TestTrustIsEverywhere(t *testing.T) {
	p, b := compiled(t, trusting)
	found := 0
	for line := range strings.Lines(string(b.File(bundle.RulesV4))) {
		if !strings.Contains(line, "zones.vpn.trust") && !strings.Contains(line, "zones.lan.trust") {
			continue
		}
		if strings.Contains(line, "HARDENCTL-UNTRACKED") || strings.Contains(line, "HARDENCTL-UNSERVED") {
			continue
		}
		found++
		_, less := compiled(t, trusting)
		plant(t, less, cut(strings.TrimSpace(line)))
		if list := proof.Bundle(p, less, ruleset.V4); !strings.Contains(text(list), ".trust: packets that are trusted ") {
			t.Errorf("without %sthe proof finds\n%s", line, text(list))
		}
	}
	if found != 9 {
		t.Errorf("%d rules of trust", found)
	}
}

// TestExampleIsNotTrusted holds that the example of a finding is of a source that the profile
// does not trust, unless only trusted ones show it.
func TestExampleIsNotTrusted(t *testing.T) {
	const profile = "include = [\"builtin:web\"]\naccess.admin = [\"192.0.2.0/24\", \"2001:db8::/64\"]\n"
	for rule, want := range map[string]string{
		`-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j ACCEPT`:                   "tcp 198.51.100.7:40000 -> ",
		`-A HARDENCTL-INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 9100 -j ACCEPT`: "tcp 203.0.113.7:40000 -> ",
		`-A HARDENCTL-INPUT -s 198.18.0.0/16 -p tcp -m tcp --dport 9100 -j ACCEPT`:  "tcp 198.18.",
		`-A HARDENCTL-INPUT -s 192.0.2.9/32 -p tcp -m tcp --dport 9100 -j ACCEPT`:   "tcp 192.0.2.9:40000 -> ",
	} {
		p, b := compiled(t, profile)
		plant(t, b, put(trusted, rule))
		list := proof.Bundle(p, b, ruleset.V4)
		at := slices.IndexFunc(list, func(d diag.Diagnostic) bool { return d.Code == "unstated-access" })
		if at < 0 || !strings.HasPrefix(list[at].Example, want) {
			t.Errorf("%s: %q was wanted in\n%s", rule, want, text(list))
		}
	}
}

// BenchmarkBundle proves the bundle of each built-in profile.
func BenchmarkBundle(b *testing.B) {
	for _, name := range builtins(b) {
		p, of := compiled(b, name)
		b.Run(strings.TrimPrefix(name, "builtin:"), func(b *testing.B) {
			for b.Loop() {
				proof.Bundle(p, of)
			}
		})
	}
}
