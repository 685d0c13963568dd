package live

import (
	"context"
	"os/exec"
	"testing"
)

// On a terminal, a command that waits for another says so after a second, and for which. A
// boot has no terminal.
func TestLockWaitMessage(t *testing.T) {
	bare(t, "nft")
	release, err := ourLock.Take(context.Background(), func(string) {})
	must(t, err)
	defer release()
	for _, command := range []string{"apply builtin:web", "confirm", "revert"} {
		out, code := outcome(t, exec.Command("script", "-qec", "exec "+binary(t)+" "+command+" --lock-timeout 3s", "/dev/null"))
		if code != 6 {
			t.Errorf("%s: exit %d", command, code)
		}
		contains(t, out, "… waiting for another hardenctl: process "+pid())
	}
	contains(t, expect(t, 6, "restore", "--lock-timeout", "1s"), "another hardenctl is running (process "+pid()+": ", "): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill")
}
