package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/comparison"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// rulesHave finds every flaw with rules that others use, or that one would write
// at first: a command a line, for one family. A flaw is one of the rules, and
// the same with both backends.
func rulesHave(t *testing.T, rules string, of traffic.Family, flaws []comparison.Flaw) {
	t.Run("theirs", func(t *testing.T) {
		stage.Bare(t, "nft")
		webserver.Serve(t)
		for line := range strings.Lines(rules) {
			run.Tool(t, line)
		}
		comparison.Scenario{Way: "INPUT"}.Try(t, flaws, of)
	})
}

// profileHasNone finds none of the flaws with a profile.
func profileHasNone(t *testing.T, backends []string, profile string, flaws []comparison.Flaw, of ...traffic.Family) {
	for _, backend := range backends {
		t.Run(backend, func(t *testing.T) {
			stage.Bare(t, backend)
			webserver.Serve(t)
			run.Expect(t, 0, "apply", testfile.Write(t, "ours.toml", profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
			comparison.Scenario{Way: "HARDENCTL-INPUT", Ours: true}.Try(t, flaws, of...)
		})
	}
}

// meanwhile does something while something else is done again and again.
func meanwhile(t *testing.T, again func() error, does func()) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := again(); err != nil {
				stopped <- err
				return
			}
		}
	}()
	does()
	close(stop)
	require.NoError(t, <-stopped)
}

// ofTotal tells a number of a total.
func ofTotal(n, total int) string { return fmt.Sprintf("%d of %d", n, total) }
