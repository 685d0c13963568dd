package boot

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// A setting that the kernel refuses, or does not know, is named, and keeps
// nothing else from being in force: neither the rules nor the other settings.
func TestRestoreSettings(t *testing.T) {
	stage.Bare(t, "nft")
	const path = "/etc/sysctl.d/60-hardenctl.conf"
	run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
	for _, c := range []struct {
		name, line, says string
		code             int
	}{
		{"refused", "net.ipv4.ip_default_ttl = 999", path + ": net.ipv4.ip_default_ttl: ", 1},
		{"no number", "net.ipv4.ip_default_ttl = a b", path + ": net.ipv4.ip_default_ttl: ", 1},
		{"unknown", "net.ipv4.no_such_thing = 1", "net.ipv4.no_such_thing of " + path + " is out of reach: this kernel does not have the setting", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bootsim.LoseState(t)
			whole := run.Tool(t, "cat "+path)
			testfile.Edit(t, path, "net.ipv4.ip_default_ttl = 77", "net.ipv4.tcp_fin_timeout = 41\n"+c.line)
			t.Cleanup(func() {
				run.WithInput(t, whole, "tee", path)
				run.Tool(t, "sysctl -qw net.ipv4.tcp_fin_timeout=60")
			})
			require.Contains(t, run.Expect(t, c.code, "restore"), c.says, "IPv4: the rules of /etc/iptables/rules.v4 are in force")
			require.Contains(t, run.Tool(t, "sysctl net.ipv4.tcp_fin_timeout"), "= 41")
		})
	}
}
