package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/lower"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/profiles"
)

// deepest is how many jumps lie between a built-in chain and any other at the most:
// nft refuses more (nft_chain_validate and NFT_JUMP_STACK_SIZE in the kernel's
// nf_tables_api.c), and a trial adds one.
const deepest = 14

// TestDepth holds that no chain lies too deep, for every built-in profile and for one
// with the longest knock and all that counts.
func TestDepth(t *testing.T) {
	all := map[string]*ruleset.Ruleset{"the longest knock": lowered(t, `
		services.ssh = { ports = ["tcp/22"], knock = "door", synproxy = true, from = ["192.0.2.9"], new_per_source = "5/minute burst 5" }
		knocks.door.sequence = ["tcp/1", "udp/3", "tcp/5", "udp/2", "tcp/9", "udp/7", "tcp/4", "udp/8"]
		scan = { probes = 10, ban_repeat = "2d", slow = { probes = 20, window = "1d" }, stealth = true, fingerprint = true, proven = "7d" }
		policy.forward = "published"
		access = { admin = ["192.0.2.7"], exempt = ["192.0.2.8"], block = ["192.0.2.10"] }
		fail2ban = {}
		log = {}`)}
	for _, name := range profiles.Names() {
		p, list := profile.Read(name+".toml", profile.Folders{Root: profiles.FS(), Builtins: profiles.FS()})
		if p == nil {
			t.Fatal(list)
		}
		all[name], _ = lower.Lower("builtin:"+name, p)
	}
	for name, rs := range all {
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				if c.BuiltIn() {
					if n, way := depth(table, c.Name); n > deepest {
						t.Errorf("%s, %s of IPv%d: %d jumps: %v", name, table.Name, table.Family, n, way)
					}
				}
			}
		}
	}
}

// depth is the most jumps from a chain to the end, and the chains on that way.
func depth(table ruleset.Table, chain string) (n int, way []string) {
	for _, c := range table.Chains {
		if c.Name != chain {
			continue
		}
		for _, r := range c.Rules {
			var next string
			switch target := r.Target.(type) {
			case ruleset.Jump:
				next = target.Chain
			case ruleset.Goto:
				next = target.Chain
			default:
				continue
			}
			if below, further := depth(table, next); below+1 > n {
				n, way = below+1, further
			}
		}
	}
	return n, append([]string{chain}, way...)
}
