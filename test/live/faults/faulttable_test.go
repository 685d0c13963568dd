package faults

import (
	"cmp"
	"fmt"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// fault breaks an apply of builtin:database.
type fault struct {
	name string
	// arrange breaks something until the end of the test.
	arrange func(t *testing.T)
	// says is what the message must name.
	says string
	// code is the exit code: 3 where everything is undone, which is what 0
	// means, and 1 where the apply is refused before it changes anything.
	code int
}

// strike lets each fault befall an apply, among others' rules: on one backend on a
// server that hardenctl has never seen, on the other on one with another profile,
// whose bans last longer. The next fault meets them the other way round; the long
// tables of failpoints have all four.
func strike(t *testing.T, faults ...fault) {
	t.Helper()
	for b, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			stage.Bare(t, backend)
			for i, f := range faults {
				before := []string{"", "builtin:bastion"}[(i+b)%2]
				t.Run(fmt.Sprintf("%s/from %q", f.name, before), func(t *testing.T) {
					stage.Wipe(t)
					promise.Populate(t, before)
					f.befall(t)
				})
			}
		})
	}
}

// befall applies with the fault: the host is what it was, byte for byte. Then it
// applies without it.
func (f fault) befall(t *testing.T) {
	var p *promise.Promises
	t.Run("broken", func(t *testing.T) {
		f.arrange(t)
		p = promise.Unchanged(t)
		out := run.Expect(t, cmp.Or(f.code, 3), "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		require.Contains(t, out, f.says)
		if f.code == 0 {
			require.Contains(t, out, "the change was undone, the host is as before")
		}
		p.IsOld(t)
	})
	run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
	p.OthersHaveTheirs(t)
	p.KeptToItsPaths(t)
	run.Expect(t, 0, "plan", "builtin:database", "--detailed-exitcode")
}
