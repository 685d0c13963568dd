package run

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Running are the hardenctl processes of this lab: others have theirs.
func Running(t *testing.T) []int {
	t.Helper()
	home, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	var pids []int
	for _, link := range testfile.Glob(t, "/proc/[0-9]*/exe") {
		folder := filepath.Dir(link)
		program, _ := os.Readlink(link) // it may have ended
		net, _ := os.Readlink(filepath.Join(folder, "ns/net"))
		if program == Binary(t) && net == home {
			pid, err := strconv.Atoi(filepath.Base(folder))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// KillAll ends every hardenctl process of the lab, watchdogs too, and returns
// how many there were.
func KillAll(t *testing.T) int {
	t.Helper()
	all := Running(t)
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	return len(all)
}
