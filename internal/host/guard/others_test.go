package guard

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// What others have is told from what is ours, in tables and in sets.
func TestOthers(t *testing.T) {
	have := state.State{
		Tables: map[state.TableID]tablefile.Table{
			{Family: ruleset.V4, Name: "filter"}: {Name: "filter", Chains: []tablefile.Chain{
				{Name: "INPUT", Policy: "DROP", Rules: []tablefile.Rule{{Spec: "-j HARDENCTL-INPUT"}, {Spec: "-s 192.0.2.1/32 -j ACCEPT", Packets: 3}}},
				{Name: "HARDENCTL-INPUT", Policy: "-", Rules: []tablefile.Rule{{Spec: "-j DROP"}}},
			}},
			{Family: ruleset.V4, Name: "nat"}: {Name: "nat", Chains: []tablefile.Chain{{Name: "PREROUTING", Policy: "ACCEPT"}}},
		},
		Sets: map[string]state.Set{"cdn": {Declared: setfile.Set{Name: "cdn", Type: "hash:net", Options: []setfile.Option{{Name: "family", Value: "inet"}, {Name: "counters"}}}}, "all": {Declared: setfile.Set{Name: "all", Type: "list:set", Options: []setfile.Option{{Name: "size", Value: "8"}}}}},
	}
	if got, want := string(othersRules(have, ruleset.V4)), "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.1/32 -j ACCEPT\nCOMMIT\n"; got != want {
		t.Errorf("rules %q, want %q", got, want)
	}
	const save = "create hardenctl-ban-v4 hash:ip\nadd hardenctl-ban-v4 192.0.2.7\ncreate cdn hash:net\nadd cdn 192.0.2.0/24 packets 0 bytes 0\n" +
		"create new hash:ip\nadd new 192.0.2.8\ncreate all list:set\nadd all cdn\nadd all hardenctl-ban-v4\n"
	const want = "create cdn hash:net family inet counters\nadd cdn 192.0.2.0/24 packets 0 bytes 0\ncreate all list:set size 8\nadd all cdn\n"
	if got := string(othersSets([]byte(save), have.Sets)); got != want {
		t.Errorf("sets %q, want %q", got, want)
	}
}

// Sets of every type tell sources apart by the first part of a member.
func TestSetParts(t *testing.T) {
	const save = "create a hash:ip family inet6 netmask 64\nadd a 2001:db8:1::\n" +
		"create b hash:net\nadd b 10.0.0.0/8 timeout 9\nadd b 10.1.0.0/16 nomatch\n" +
		"create c hash:ip,port\nadd c 192.0.2.1,tcp:22\ncreate d bitmap:ip range 10.0.0.0-10.0.0.255\nadd d 10.0.0.4-10.0.0.7\n" +
		"create e bitmap:port range 1-99\nadd e 22\ncreate f list:set size 8\nadd f a\ncreate g hash:net,iface\nadd g 203.0.113.0/24,eth0 comment \"a b\"\n"
	var got []string
	for _, part := range setParts([]byte(save)) {
		got = append(got, fmt.Sprint(part.V4(), part.V6()))
	}
	want := []string{"[] [2001:db8:1::/64]", "[10.0.0.0/8] []", "[10.1.0.0/16] []", "[192.0.2.1/32] []", "[10.0.0.4/30] []", "[] []", "[] []", "[203.0.113.0/24] []"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
