package apply

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// With --json an error of a command that reads or changes the host leaves JSON on
// standard output, or nothing, and the exit code is not 0. The errors of the command
// line are in cmd/hardenctl.
func TestJSONOfErrors(t *testing.T) {
	stage.Bare(t, "nft")
	web := testfile.Write(t, "web.toml", "version = 1\ninclude = [\"builtin:web\"]\n")
	bad := testfile.Write(t, "bad.toml", "version = 1\nservices.a.ports = [\"tcp/70000\"]\n")
	now := []string{"--auto-approve", "--no-guard", "--confirm-within", "0"}
	apply := func(args ...string) []string { return append(append([]string{"apply"}, args...), now...) }
	for _, state := range []struct {
		name  string
		make  func(t *testing.T)
		wrong [][]string
	}{
		{"before the first apply", func(*testing.T) {}, [][]string{
			{"confirm"}, {"confirm", "token"}, append([]string{"rollback"}, now...), append([]string{"rollback", "7"}, now...),
			{"rollback", "first"}, {"apply", web}, apply(bad), apply("gone.toml"), apply("--plan", web), apply("--plan", "gone"),
			{"plan", bad}, {"plan", web, "-o", "/gone/web.plan"}, {"verify", bad}, {"verify", web, "--html", web},
		}},
		{"incomplete", func(t *testing.T) {
			run.Expect(t, 0, apply(web)...)
			trials.DieConfirming(t, webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`))
			require.NoError(t, os.WriteFile("/var/lib/hardenctl/trial/bundle/manifest.json", []byte("{}"), 0o600))
		}, [][]string{apply(web), {"confirm"}, append([]string{"rollback"}, now...), {"revert"}}},
		{"a broken history", func(t *testing.T) {
			require.NoError(t, os.WriteFile("/var/lib/hardenctl/generations/1/generation.json", []byte("{"), 0o600))
		}, [][]string{append([]string{"rollback", "1"}, now...)}},
	} {
		t.Run(state.name, func(t *testing.T) {
			state.make(t)
			for _, args := range state.wrong {
				failsInJSON(t, args)
			}
		})
	}
}

// failsInJSON runs a command with --json, if it has that, and looks at what its error
// leaves.
func failsInJSON(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.Command(run.Binary(t), append(args, "--json")...)
	cmd.Dir = filepath.Dir(testfile.Write(t, "empty", ""))
	out, err := cmd.Output()
	if err == nil {
		t.Errorf("%q exits 0 and prints %.300s", args, out)
	}
	if len(out) > 0 && !json.Valid(out) {
		t.Errorf("%q prints no JSON: %.300s", args, out)
	}
}
