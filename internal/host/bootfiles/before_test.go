package bootfiles

import (
	"maps"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// undo is a bundle of what a host had before hardenctl, which stated DROP.
func undo(files map[string]string) *bundle.Bundle {
	var all []bundle.File
	for path, text := range files {
		all = append(all, bundle.File{Name: bundle.BeforeName(path), Text: []byte(text)})
	}
	return bundle.Seal(all, bundle.Manifest{Before: true, Profile: bundle.BeforeProfile,
		Policies: []bundle.PolicyEntry{{Family: 4, Table: "filter", Chain: "INPUT", Policy: "ACCEPT"}}})
}

// A file is what it was, unless others have changed their part of it since: then
// it is theirs, without what is ours.
func TestWantedBefore(t *testing.T) {
	const rules, sets, sysctl = "/etc/iptables/rules.v4", "/etc/iptables/ipsets", "/etc/sysctl.d/60-hardenctl.conf"
	const own = "# Compiled by hardenctl from a profile; change the profile, not this file.\n*filter\n:INPUT DROP [0:0]\n:HARDENCTL-INPUT - [0:0]\n-A INPUT -j HARDENCTL-INPUT\n"
	const house = "# of the house\n*filter\n:INPUT ACCEPT [7:420]\n-A INPUT -s 192.0.2.1 -j ACCEPT\nCOMMIT\n"
	const merged = own + "-A INPUT -s 192.0.2.1 -j ACCEPT\nCOMMIT\n"
	for _, c := range []struct{ name, path, before, have, want string }{
		{"no file before", rules, "", own + "COMMIT\n", ""},
		{"a file before", rules, house, merged, house},
		{"with a rule more since", rules, house, own + "-A INPUT -s 192.0.2.1 -j ACCEPT\n-A INPUT -s 192.0.2.2 -j ACCEPT\nCOMMIT\n",
			"*filter\n:INPUT ACCEPT [7:420]\n-A INPUT -s 192.0.2.1 -j ACCEPT\n-A INPUT -s 192.0.2.2 -j ACCEPT\nCOMMIT\n"},
		{"with a chain, where there was no file", rules, "", own + ":MINE - [0:0]\nCOMMIT\n", "*filter\n:INPUT ACCEPT [0:0]\n:MINE - [0:0]\nCOMMIT\n"},
		{"a file that does not load", rules, "*filter\n", own + "COMMIT\n", "*filter\n"},
		{"no sets before", sets, "", "create hardenctl-a hash:ip\n", ""},
		{"sets before", sets, "create cdn hash:net\n", "create hardenctl-a hash:ip\ncreate cdn hash:net\n", "create cdn hash:net\n"},
		{"with a member more since", sets, "create cdn hash:net\n", "create hardenctl-a hash:ip\ncreate cdn hash:net\nadd cdn 192.0.2.0/24\n", "create cdn hash:net\nadd cdn 192.0.2.0/24\n"},
		{"a file of ours", sysctl, "", "net.ipv4.ip_default_ttl = 128\n", ""},
		{"the unit", unitPath, "", "[Unit]\n", ""},
		{"a file of that name", sysctl, "# mine\n", "net.ipv4.ip_default_ttl = 128\n", "# mine\n"},
	} {
		before := map[string]string{}
		if c.before != "" {
			before[c.path] = c.before
		}
		if !slices.Contains(slices.Collect(maps.Values(Paths(undo(before), bundle.Debian))), c.path) {
			t.Errorf("%s: %s is not looked at", c.name, c.path)
		}
		want, err := Wanted(undo(before), bundle.Debian, map[string][]byte{c.path: []byte(c.have)})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := want[c.path]; string(got) != c.want || (got == nil) != (c.want == "") {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
