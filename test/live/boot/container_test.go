package boot

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// A lab is a container's network namespace: what belongs to the machine is
// listed with the reason, and the rest is applied.
func TestContainer(t *testing.T) {
	stage.Bare(t, "nft")
	for _, text := range []string{
		run.Expect(t, 0, "plan", "builtin:howto", "--json"),
		run.Expect(t, 0, "apply", "builtin:howto", "--auto-approve", "--confirm-within", "0", "--no-guard", "--json"),
	} {
		var p struct {
			plan.Plan
			Applied bool
		}
		require.NoError(t, json.Unmarshal([]byte(text), &p))
		beyond := map[string]plan.Unreachable{}
		for _, u := range p.OutOfReach {
			beyond[u.Key] = u
		}
		for key, path := range machineSettings {
			value, err := os.ReadFile(path)
			require.NoError(t, err)
			u, listed := beyond[key]
			if wanted := strings.TrimSpace(string(value)) != machineWanted[key]; listed != wanted {
				t.Errorf("%s listed as out of reach: %v, want %v (it is %s)", key, listed, wanted, value)
			}
			if listed && (!strings.Contains(u.Reason, "container") || u.Origin == nil || u.Wanted != machineWanted[key]) {
				t.Errorf("%+v", u)
			}
		}
		for _, s := range p.Changes {
			if _, machine := machineSettings[s.Object]; machine {
				t.Errorf("the plan changes %s", s.Object)
			}
		}
	}
	run.Expect(t, 0, "plan", "builtin:howto", "--detailed-exitcode")
}

// What the profile asks of the machine, and where it is.
var (
	machineSettings = map[string]string{
		"nf_conntrack.hashsize":          "/sys/module/nf_conntrack/parameters/hashsize",
		"net.netfilter.nf_conntrack_max": "/proc/sys/net/netfilter/nf_conntrack_max",
	}
	machineWanted = map[string]string{"nf_conntrack.hashsize": "32768", "net.netfilter.nf_conntrack_max": "262144"}
)

// On a kernel without IPv6 its tools load nothing: IPv4 is applied, the rest is
// saved, and the plan says so.
func TestNoIPv6(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		const sysctls = "/proc/sys/net/ipv6"
		require.NoError(t, syscall.Mount("tmpfs", sysctls, "tmpfs", 0, ""))
		defer func() { require.NoError(t, syscall.Unmount(sysctls, syscall.MNT_DETACH)) }()
		for _, name := range []string{"save", "restore"} {
			inject.Redirect(t, "ip6tables-"+name, "/bin/false")
		}
		out := run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		require.Contains(t, out, "this kernel runs without IPv6", "IPv4 rules")
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT")
		if _, err := os.Stat("/etc/iptables/rules.v6"); err != nil {
			t.Error(err)
		}
	})
}
