// Package bootsim does to a server what a reboot or a loss of power does, without a
// machine that boots.
package bootsim

import (
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// LoseState takes from the kernel what a boot does, and leaves the files.
func LoseState(t *testing.T) {
	t.Helper()
	lab.FlushState(t)
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/ip_default_ttl", []byte("64"), 0))
}

// Reboot is what a reboot does to the kernel: it knows what the files say.
func Reboot(t *testing.T) {
	t.Helper()
	run.KillAll(t)
	lab.FlushState(t)
	for _, f := range []struct{ path, tool string }{
		{"/etc/iptables/ipsets", "ipset"}, {"/etc/iptables/rules.v4", "iptables-restore"}, {"/etc/iptables/rules.v6", "ip6tables-restore"},
	} {
		text, err := os.ReadFile(f.path)
		require.NoError(t, err)
		args := []string{}
		if f.tool == "ipset" {
			args = append(args, "restore")
		}
		run.WithInput(t, string(text), f.tool, args...)
	}
	run.Tool(t, "sysctl -q -p /etc/sysctl.d/60-hardenctl.conf")
	if e, err := stage.Journal.Read(); err == nil {
		e.Boot = "another"
		require.NoError(t, stage.Journal.Write(e))
	}
}

// PowerOff is what a loss of power does to a host: its kernel holds nothing any
// more, and the boot has another name.
func PowerOff(t *testing.T) {
	t.Helper()
	run.KillAll(t)
	lab.FlushState(t)
	stage.SettingsAtFirst(t)
	if e, err := stage.Journal.Read(); err == nil {
		e.Boot = "another"
		require.NoError(t, stage.Journal.Write(e))
	}
}
