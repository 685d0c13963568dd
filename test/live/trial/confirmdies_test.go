package trial

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A confirm that dies before its note leaves a long trial as long as it was, and
// a plan of another profile says what it compares with.
func TestConfirmDiesBeforeItsNote(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	token, _ := trials.TryOut(t, "builtin:web", "10m")
	require.Contains(t, run.Expect(t, 0, "plan", webserver.Variant(t)), "builtin:web by root from 192.0.2.7 is on trial until", "this plan compares with the state on trial")

	note := durable.Beside(filepath.Join(stage.Journal.Folder, "journal.json"))
	cmd := exec.Command("strace", "-f", "--quiet=all", "-o", "/dev/null", "-P", note,
		"-e", "trace=openat", "-e", "inject=openat:signal=KILL", run.Binary(t), "confirm", token)
	cmd.Env = append(os.Environ(), run.Confirming)
	out, code := run.Outcome(t, cmd)
	e, err := stage.Journal.Read()
	require.NoError(t, err)
	if e.Phase != journal.Trial {
		t.Fatalf("exit %d, and the journal says %s: %s", code, e.Phase, out)
	}
	for set, half := range map[string]string{"hardenctl_trial_v4": "128.0.0.0/1", "hardenctl_trial_v6": "8000::/1"} {
		if left := banset.Remaining(t, set, half); left < 300 {
			t.Errorf("%s: the guard holds for %d s more, and the trial lasts for %v", set, left, e.Left())
		}
	}
	run.ExpectAs(t, run.Confirming, 0, "confirm", token)
}

// An apply whose confirm failed, and whose way back failed too, is brought to its
// end by the next command, and is a generation then.
func TestGenerationOfAnApplyFinishedLater(t *testing.T) {
	stage.Bare(t, "nft")
	run.Expect(t, 0, "apply", webserver.Variant(t), "--auto-approve", "--no-guard", "--confirm-within", "0")
	other := webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)
	mended := filepath.Join(t.TempDir(), "mended")
	for name, good := range map[string]int{"iptables-restore": 2, "ip6tables-restore": 1} { // the first is the trial
		calls := filepath.Join(t.TempDir(), "calls")
		inject.ReplaceTool(t, name, name, fmt.Sprintf(`case "$*" in
*--noflush*)
	echo call >>%s
	[ -e %s ] || [ $(wc -l <%[1]s) -le %[3]d ] || { echo broken >&2; exit 4; } ;;
esac`, calls, mended, good))
	}
	require.Contains(t, run.Expect(t, 4, "apply", other, "--auto-approve", "--no-guard", "--confirm-within", "0"), "undoing failed too")
	require.NoError(t, os.WriteFile(mended, nil, 0o600))
	run.Expect(t, 0, "revert")
	run.Expect(t, 0, "plan", other, "--detailed-exitcode")
	trials.NothingUnderWay(t)
	if n := len(run.History(t)); n != 2 {
		t.Errorf("%d generations, want 2", n)
	}
}
