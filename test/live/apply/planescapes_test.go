package apply

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// What others have named cannot act on the terminal of the user who plans: it is
// printed as it would be written, on a terminal too.
func TestPlanEscapesNames(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		const name = "x\x1b[2J\x1b]0;y\x07"
		for _, command := range [][]string{
			{"iptables", "-N", name}, {"iptables", "-A", name, "-m", "comment", "--comment", "c\x1b[8m", "-j", "ACCEPT"}, {"ipset", "create", name, "hash:ip"},
		} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%q: %v: %s", command, err, out)
			}
		}
		out := run.Expect(t, 0, "plan", "builtin:web", "--full")
		require.Contains(t, out, `filter x\x1b[2J\x1b]0;y\x07, 1 rule`, `set x\x1b[2J\x1b]0;y\x07, 0 entries`)
		if strings.Contains(out, "\x1b") {
			t.Errorf("raw: %q", out)
		}
	})
}
