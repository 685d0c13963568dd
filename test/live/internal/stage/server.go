package stage

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// OnBackends runs a test on a bare server, once with each backend.
func OnBackends(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			Bare(t, backend)
			test(t)
		})
	}
}

// Bare makes the server one that hardenctl has never seen.
func Bare(t *testing.T, backend string) {
	t.Helper()
	lab.UseBackend(t, backend)
	Wipe(t)
	t.Cleanup(func() { Wipe(t) })
}

// Wipe removes rules, sets and files, and puts back the kernel settings that
// the server had at first.
func Wipe(t *testing.T) {
	t.Helper()
	lab.FlushState(t)
	require.NoError(t, os.RemoveAll("/var/lib/hardenctl"))
	require.NoError(t, os.RemoveAll("/etc/iptables"))
	require.NoError(t, os.MkdirAll("/etc/iptables", 0o755))
	for _, path := range bundle.Paths(bundle.Debian) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	SettingsAtFirst(t)
}

// SettingsAtFirst puts back the kernel settings that the server had at first.
func SettingsAtFirst(t *testing.T) {
	t.Helper()
	for path, value := range Settings(t) {
		switch first, known := AtFirst[path]; {
		case !known:
			AtFirst[path] = value
		case value != first:
			require.NoError(t, os.WriteFile(path, []byte(first), 0))
		}
	}
}

// AtFirst is the value that each setting had when it was first read.
var AtFirst = map[string]string{}

// Settings returns the kernel settings of the namespace that profiles state, by
// path. Those of the whole machine are left out.
func Settings(t *testing.T) map[string]string {
	t.Helper()
	if stated == nil {
		stated = run.Compiled(t, "../testdata/everything.toml").Manifest.Settings
	}
	values := map[string]string{}
	for _, s := range setting.Here(stated) {
		if text, err := os.ReadFile(s.Path); err == nil && ofNamespace(s.Path) {
			values[s.Path] = strings.TrimSpace(string(text))
		}
	}
	return values
}

// stated are the settings of a profile that states all that there are.
var stated []bundle.SettingEntry

func ofNamespace(path string) bool {
	return strings.HasPrefix(path, "/proc/sys/net/ipv") || strings.Contains(path, "/nf_conntrack_tcp_") || strings.Contains(path, "/nf_conntrack_udp_")
}

// NameAddresses gives addresses a name in the lab, until the end of the test.
func NameAddresses(t *testing.T, name string, addresses ...string) {
	t.Helper()
	before, err := os.ReadFile("/etc/hosts")
	require.NoError(t, err)
	text := string(before)
	for _, a := range addresses {
		text += "\n" + a + " " + name
	}
	require.NoError(t, os.WriteFile("/etc/hosts", []byte(text+"\n"), 0o644))
	t.Cleanup(func() { require.NoError(t, os.WriteFile("/etc/hosts", before, 0o644)) })
}
