package inject

import (
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// ReadOnly makes the folder of the rules files read-only.
func ReadOnly(t *testing.T) {
	const path = "/etc/iptables"
	require.NoError(t, syscall.Mount(path, path, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	require.NoError(t, syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}
