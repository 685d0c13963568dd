package lower_test

import (
	"testing"

	"hardenctl/compiler/emit"
	"hardenctl/compiler/ruleset"
)

// Whatever a profile says, connections that were open before its rules go on,
// and each packet of one renews the note of it.
func TestOpenBefore(t *testing.T) {
	for _, text := range []string{``, `scan.stealth = true`, `policy.ipv6 = false`} {
		rs := lowered(t, text)
		for family, name := range map[ruleset.Family]string{ruleset.V4: "hardenctl-open-v4", ruleset.V6: "hardenctl-open-v6"} {
			expect(t, rs, family, "OPEN", `
				-j SET --add-set `+name+` src,src --exist
				-j ACCEPT`)
			found := ""
			for _, s := range rs.Sets {
				if s.Name == name {
					found = emit.Create(s)
				}
			}
			family := map[ruleset.Family]string{ruleset.V4: "inet", ruleset.V6: "inet6"}[family]
			want := "create " + name + " hash:ip,port family " + family + " hashsize 16384 maxelem 65536 timeout 600"
			if found != want {
				t.Errorf("%q: got %q, want %q", text, found, want)
			}
		}
	}
}
