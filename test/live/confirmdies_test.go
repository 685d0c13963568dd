package live

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// A confirm that dies before its note leaves a long trial as long as it was, and
// a plan of another profile says what it compares with.
func TestConfirmDiesBeforeItsNote(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	token, _ := tryOut(t, "builtin:web", "10m")
	contains(t, expect(t, 0, "plan", variant(t)), "builtin:web by root from 192.0.2.7 is on trial until", "this plan compares with the state on trial")

	note := durable.Beside(filepath.Join(ourJournal.Folder, "journal.json"))
	cmd := exec.Command("strace", "-f", "--quiet=all", "-o", "/dev/null", "-P", note,
		"-e", "trace=openat", "-e", "inject=openat:signal=KILL", binary(t), "confirm", token)
	cmd.Env = append(os.Environ(), confirming)
	out, code := outcome(t, cmd)
	e, err := ourJournal.Read()
	must(t, err)
	if e.Phase != journal.Trial {
		t.Fatalf("exit %d, and the journal says %s: %s", code, e.Phase, out)
	}
	for set, half := range map[string]string{"hardenctl_trial_v4": "128.0.0.0/1", "hardenctl_trial_v6": "8000::/1"} {
		if left := remaining(t, set, half); left < 300 {
			t.Errorf("%s: the guard holds for %d s more, and the trial lasts for %v", set, left, e.Left())
		}
	}
	expectAs(t, confirming, 0, "confirm", token)
}

// An apply whose confirm failed, and whose way back failed too, is brought to its
// end by the next command, and is a generation then.
func TestGenerationOfAnApplyFinishedLater(t *testing.T) {
	bare(t, "nft")
	expect(t, 0, "apply", variant(t), "--auto-approve", "--no-guard", "--confirm-within", "0")
	other := variant(t, `"tcp/80"`, `"tcp/8443"`)
	mended := filepath.Join(t.TempDir(), "mended")
	for name, good := range map[string]int{"iptables-restore": 2, "ip6tables-restore": 1} { // the first is the trial
		calls := filepath.Join(t.TempDir(), "calls")
		replaceTool(t, name, name, fmt.Sprintf(`case "$*" in
*--noflush*)
	echo call >>%s
	[ -e %s ] || [ $(wc -l <%[1]s) -le %[3]d ] || { echo broken >&2; exit 4; } ;;
esac`, calls, mended, good))
	}
	contains(t, expect(t, 4, "apply", other, "--auto-approve", "--no-guard", "--confirm-within", "0"), "undoing failed too")
	must(t, os.WriteFile(mended, nil, 0o600))
	expect(t, 0, "revert")
	expect(t, 0, "plan", other, "--detailed-exitcode")
	nothingUnderWay(t)
	if n := len(history(t)); n != 2 {
		t.Errorf("%d generations, want 2", n)
	}
}
