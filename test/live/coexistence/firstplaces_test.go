package coexistence

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// firstJumps are jumps as the programs that are named put them in, each at the first place.
var firstJumps = []struct{ table, hook, jump, chain string }{
	{"filter", "INPUT", "-j ts-input", "ts-input"},
	{"filter", "FORWARD", "-j ts-forward", "ts-forward"},
	{"filter", "OUTPUT", "-m comment --comment netpol -j KUBE-ROUTER-OUTPUT", "KUBE-ROUTER-OUTPUT"},
	{"raw", "PREROUTING", "-g cali-PREROUTING", "cali-PREROUTING"},
}

// Jumps in every chain of ours, of all tables and both families, stay first, whether they
// are there before an apply or come after it. Another rule there comes behind.
func TestFirstPlaces(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		profile := func(before string) string {
			return testfile.Write(t, "p.toml", "version = 1\ninclude = [\"builtin:web\"]\n[policy]\nforward = \"drop\"\n"+before+
				"[access]\nadmin = [\"192.0.2.10\", \"2001:db8::10\"]\nadmin_untracked = true\n")
		}
		tools := []string{"iptables", "ip6tables"}
		each := func(do func(tool, table, hook, jump string)) {
			t.Helper()
			for _, tool := range tools {
				for _, j := range firstJumps {
					do(tool, j.table, j.hook, j.jump)
				}
			}
		}
		for _, tool := range tools {
			for _, j := range firstJumps {
				run.Tool(t, tool+" -t "+j.table+" -N "+j.chain)
			}
		}
		insert := func(tool, table, hook, jump string) { run.Tool(t, tool+" -t "+table+" -I "+hook+" 1 "+jump) }
		first := func(tool, table, hook, jump string) {
			t.Helper()
			rules := run.Tool(t, tool+" -t "+table+" -S "+hook)
			_, rules, _ = strings.Cut(rules, "\n") // the policy
			lines := strings.SplitN(rules, "\n", 3)
			if len(lines) < 3 || lines[0] != "-A "+hook+" "+jump || !strings.Contains(lines[1], "HARDENCTL-") {
				t.Errorf("%s -t %s %s is\n%s", tool, table, hook, rules)
			}
		}
		each(insert)
		named := profile("before = [\"ts-*\", \"KUBE-ROUTER-OUTPUT\", \"cali-*\"]\n")
		require.Contains(t, run.Expect(t, 0, "plan", profile("")), "tailscale (ts-input in IPv4 filter INPUT, ", "kube-router (KUBE-ROUTER-OUTPUT in IPv4 filter OUTPUT", "Calico (cali-PREROUTING in IPv4 raw PREROUTING")
		run.Expect(t, 0, "apply", named, "--auto-approve", "--confirm-within", "0", "--no-guard")
		each(first)
		run.Expect(t, 0, "plan", named, "--detailed-exitcode")

		each(func(tool, table, hook, jump string) { run.Tool(t, tool+" -t "+table+" -D "+hook+" "+jump) })
		run.Expect(t, 0, "plan", named, "--detailed-exitcode")
		each(insert)
		run.Expect(t, 0, "plan", named, "--detailed-exitcode")
		run.Expect(t, 0, "apply", named, "--auto-approve", "--confirm-within", "0", "--no-guard")
		each(first)
		run.Tool(t, "iptables -I INPUT 1 -s 192.0.2.201/32 -j ACCEPT")
		require.Contains(t, run.Expect(t, 2, "plan", named, "--detailed-exitcode"), "(as rule 3)")
	})
}
