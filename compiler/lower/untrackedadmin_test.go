package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestUntrackedAdmin shows what conntrack does not see: TCP from an admin source to an
// admin port of this host, and the answers. A proxied service and UDP it sees.
func TestUntrackedAdmin(t *testing.T) {
	const text = `
		services.web = { ports = ["tcp/443"], admin = true, synproxy = true }
		services.ssh = { ports = ["tcp/22", "udp/60000"], admin = true }
		services.other = { ports = ["tcp/8080"] }
		access = { admin = ["198.51.100.0/24"], admin_untracked = true }`
	rs := lowered(t, text)
	expect(t, in(rs, "raw"), ruleset.V4, "FROM-ADMIN", `
		-m set --match-set hardenctl-admin-v4 src -m addrtype --dst-type LOCAL -j CT --notrack`)
	expect(t, in(rs, "raw"), ruleset.V4, "TO-ADMIN", `
		-m set --match-set hardenctl-admin-v4 dst -j CT --notrack`)
	for _, table := range in(rs, "raw").Tables {
		in, out := 0, 0
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				ports, ok := r.Matches[0].(ruleset.Ports)
				if ok && ports.Destination != nil && r.Target == (ruleset.Jump{Chain: "HARDENCTL-FROM-ADMIN"}) {
					in += int(ports.Destination[0].First)
				}
				if ok && ports.Source != nil && r.Target == (ruleset.Jump{Chain: "HARDENCTL-TO-ADMIN"}) {
					out += int(ports.Source[0].First)
				}
			}
		}
		want := 22
		if table.Family == ruleset.V6 { // there is no admin source
			want = 0
		}
		if in != want || out != want {
			t.Errorf("family %d: ports %d and %d lead to the chains, want %d", table.Family, in, out, want)
		}
	}
}
