package run

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// Planned returns the plan of a profile.
func Planned(t *testing.T, profile string) *plan.Plan {
	t.Helper()
	var p plan.Plan
	require.NoError(t, json.Unmarshal([]byte(Expect(t, 0, "plan", profile, "--json")), &p))
	return &p
}

// History returns the generations of the server, the newest first.
func History(t *testing.T) []generation.Generation {
	t.Helper()
	var all struct{ Generations []generation.Generation }
	require.NoError(t, json.Unmarshal([]byte(Expect(t, 0, "history", "--json")), &all))
	return all.Generations
}

// Compiled returns the bundle of a profile, as the command writes it.
func Compiled(t *testing.T, profile string) *bundle.Bundle {
	t.Helper()
	folder := t.TempDir()
	Hardenctl(t, "compile", profile, "-o", folder)
	b, err := bundle.ReadFolder(os.DirFS(folder))
	require.NoError(t, err)
	return b
}
