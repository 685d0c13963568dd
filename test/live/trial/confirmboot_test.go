package trial

import (
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A boot in the middle of a confirm, where restore is the only loader, brings
// the apply to its end, and loads what others have in the files: their rules,
// and the sets that those name. A restore that does not get so far leaves the
// host closed.
func TestBootInAConfirm(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		testfile.Edit(t, "/etc/iptables/rules.v4", "\nCOMMIT", "\n-A FORWARD -m set --match-set f2b-recidive src -j ACCEPT\nCOMMIT")
		for _, c := range []struct{ name, profile, port string }{
			{"of the first apply", webserver.Variant(t), "80"},
			{"of a later one", webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`), "8443"},
		} {
			confirmKilled(t, c.profile)
			lab.FlushState(t)
			if c.port != "80" { // else no file of ours says yet what shall be closed
				inject.BreakCall(t, "iptables-restore", 2, "kill -KILL $PPID; exit 1") // 1 closes
				run.Outcome(t, exec.Command(run.Binary(t), "restore"))
				require.Contains(t, run.Tool(t, "iptables -S INPUT"), "-P INPUT DROP")
				lab.FlushState(t)
			}
			require.Contains(t, run.Expect(t, 0, "restore"), "IPv4: the rules of /etc/iptables/rules.v4 are in force", "IPv6: the rules of")
			require.Contains(t, run.Tool(t, "iptables-save"), "--dport "+c.port+" ",
				"-A INPUT -j HARDENCTL-INPUT\n-A INPUT -s 192.0.2.200/32 -m comment --comment \"the old monitor\" -j ACCEPT\n",
				"-A FORWARD -m set --match-set f2b-recidive src -j ACCEPT\n")
			trials.NothingUnderWay(t)
			trials.NoTrialLeft(t)
			run.Expect(t, 0, "plan", c.profile, "--detailed-exitcode")
		}
	})
}

// confirmKilled applies a profile and has the confirm die right after the note
// that it is one. The journal is left as another boot finds it.
func confirmKilled(t *testing.T, profile string) {
	t.Helper()
	token, _ := trials.TryOut(t, profile, "2m")
	run.KillAll(t)
	t.Run("confirm", func(t *testing.T) {
		inject.BreakNamed(t, "iptables-restore", "kill -KILL $PPID; exit 1")
		run.As(t, run.Confirming, "confirm", token)
		stage.AwaitLock(t)
	})
	e, err := stage.Journal.Read()
	require.NoError(t, err)
	if e.Phase != journal.Confirmed {
		t.Fatalf("the journal says %s", e.Phase)
	}
	e.Boot = "another"
	require.NoError(t, stage.Journal.Write(e))
}
