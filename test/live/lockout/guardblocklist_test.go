package lockout

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A blocklist that holds a logged-in user's address breaks no open connection,
// and the refusal does not say so.
func TestGuardOfABlocklistedLogin(t *testing.T) {
	stage.Bare(t, "nft")
	caller, d := lab.NewNetwork(t).Host("caller", callerV4, callerV6), newSSHD(t)
	profile := webserver.OverWeb(t, "")
	if out, code := d.apply(t, caller, lab.ServerV4, profile); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	stays := d.stays(t, caller, lab.ServerV4)
	t.Setenv("SSH_CONNECTION", "")
	blocked := webserver.OverWeb(t, "[access]\nblock = [\"198.51.100.0/24\"]\n")
	out := run.Expect(t, 1, "apply", blocked, "--auto-approve", "--confirm-within", "0")
	require.Contains(t, out, callerV4+" (logged in by SSH) at tcp/22: a new connection would be refused (access.block; over.toml:3)")
	if strings.Contains(out, "would break") {
		t.Errorf("a blocklist breaks what is open:\n%s", out)
	}
	run.Expect(t, 0, "apply", blocked, "--auto-approve", "--confirm-within", "0", "--no-guard")
	stays.answers(t)
}
