package stage

import (
	"context"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/lock"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// What hardenctl keeps on the host of a lab.
var (
	Journal     = journal.Under("/")
	Generations = generation.Under("/")
	Lock        = lock.Under("/")
)

// AwaitLock waits for the tool that a killed hardenctl has left at work: it holds the
// lock. Until the legacy tools are done, they have rules without counters.
func AwaitLock(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lab.Patience)
	defer cancel()
	release, err := Lock.Take(ctx, func(string) {})
	require.NoError(t, err)
	release()
}
