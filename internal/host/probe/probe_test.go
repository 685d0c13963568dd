package probe

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

func TestSplitSets(t *testing.T) {
	sets, members, err := splitSets([]byte("create a hash:net\nadd a 10.0.0.0/8\ncreate b hash:ip\nadd a 192.0.2.1\nadd b 2001:db8::1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(sets); got != "[create a hash:net create b hash:ip]" {
		t.Errorf("sets %s", got)
	}
	for name, prefixes := range map[string][]string{"a": {"10.0.0.0/8", "192.0.2.1/32"}, "b": {"2001:db8::1/128"}} {
		var want []netip.Prefix
		for _, p := range prefixes {
			want = append(want, netip.MustParsePrefix(p))
		}
		if !members[name].Equal(netset.Of(want...)) {
			t.Errorf("set %s holds %v", name, members[name])
		}
	}
	if _, _, err := splitSets([]byte("add a 010.1.1.1\n")); err == nil || !strings.Contains(err.Error(), "ipsets a:") {
		t.Errorf("an address that the kernel would read otherwise: %v", err)
	}
}

func TestCommand(t *testing.T) {
	if a, b := command(ruleset.V4, "save"), command(ruleset.V6, "restore"); a != "iptables-save" || b != "ip6tables-restore" {
		t.Errorf("%s, %s", a, b)
	}
}
