package live

import (
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// A boot in the middle of a confirm, where restore is the only loader, brings
// the apply to its end, and loads what others have in the files: their rules,
// and the sets that those name. A restore that does not get so far leaves the
// host closed.
func TestBootInAConfirm(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		edit(t, "/etc/iptables/rules.v4", "\nCOMMIT", "\n-A FORWARD -m set --match-set f2b-recidive src -j ACCEPT\nCOMMIT")
		for _, c := range []struct{ name, profile, port string }{
			{"of the first apply", variant(t), "80"},
			{"of a later one", variant(t, `"tcp/80"`, `"tcp/8443"`), "8443"},
		} {
			confirmKilled(t, c.profile)
			lab.FlushState(t)
			if c.port != "80" { // else no file of ours says yet what shall be closed
				breakCall(t, "iptables-restore", 2, "kill -KILL $PPID; exit 1") // 1 closes
				outcome(t, exec.Command(binary(t), "restore"))
				contains(t, tool(t, "iptables -S INPUT"), "-P INPUT DROP")
				lab.FlushState(t)
			}
			contains(t, expect(t, 0, "restore"), "IPv4: the rules of /etc/iptables/rules.v4 are in force", "IPv6: the rules of")
			contains(t, tool(t, "iptables-save"), "--dport "+c.port+" ",
				"-A INPUT -j HARDENCTL-INPUT\n-A INPUT -s 192.0.2.200/32 -m comment --comment \"the old monitor\" -j ACCEPT\n",
				"-A FORWARD -m set --match-set f2b-recidive src -j ACCEPT\n")
			nothingUnderWay(t)
			noTrialLeft(t)
			expect(t, 0, "plan", c.profile, "--detailed-exitcode")
		}
	})
}

// confirmKilled applies a profile and has the confirm die right after the note
// that it is one. The journal is left as another boot finds it.
func confirmKilled(t *testing.T, profile string) {
	t.Helper()
	token, _ := tryOut(t, profile, "2m")
	killAll(t)
	t.Run("confirm", func(t *testing.T) {
		breakNamed(t, "iptables-restore", "kill -KILL $PPID; exit 1")
		as(t, confirming, "confirm", token)
		rest(t)
	})
	e, err := ourJournal.Read()
	must(t, err)
	if e.Phase != journal.Confirmed {
		t.Fatalf("the journal says %s", e.Phase)
	}
	e.Boot = "another"
	must(t, ourJournal.Write(e))
}
