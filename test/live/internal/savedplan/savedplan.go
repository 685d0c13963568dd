// Package savedplan saves plans, and forges them.
package savedplan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// Save saves the plan of a profile and returns the path.
func Save(t *testing.T, profile string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "saved.plan")
	run.Expect(t, 0, "plan", profile, "-o", path)
	return path
}

// Rewrite changes the text of a saved plan.
func Rewrite(t *testing.T, path string, change func(string) string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(change(string(text))), 0o600))
	return path
}

// Forge changes a saved plan and makes its checksum right again.
func Forge(t *testing.T, profile string, change func(string) string) string {
	t.Helper()
	return Rewrite(t, Save(t, profile), func(text string) string {
		var s host.SavedPlan
		require.NoError(t, json.Unmarshal([]byte(change(text)), &s))
		s.Checksum = ""
		sum := sha256.Sum256(indented(t, s))
		s.Checksum = hex.EncodeToString(sum[:])
		return string(indented(t, s))
	})
}

func indented(t *testing.T, s host.SavedPlan) []byte {
	t.Helper()
	text, err := json.MarshalIndent(s, "", "  ")
	require.NoError(t, err)
	return append(text, '\n')
}
