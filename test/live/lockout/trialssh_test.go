package lockout

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// remotely tells a story of an administrator far away, once with each backend
// and each family: alice is logged in by a real sshd at a server without a rule,
// at which conntrack looks at nothing, and which is told not to take up
// connections whose beginning it has not seen. One socket listens for both
// families, so that over IPv4 she is ::ffff:198.51.100.7 to the kernel.
func remotely(t *testing.T, backend string, story func(t *testing.T, a *alice)) {
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		t.Run(server, func(t *testing.T) {
			stage.Bare(t, backend)
			run.Tool(t, "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0")
			caller := lab.NewNetwork(t).Host("alice", callerV4, callerV6)
			known := synflood.Tracked(t)
			d := newSocketSSHD(t)
			a := &alice{sshd: d, at: caller, server: server, session: d.stays(t, caller, server)}
			if synflood.Tracked(t) > known {
				t.Error("conntrack looks at a session, although no rule asks it")
			}
			table, err := os.ReadFile("/proc/net/tcp6")
			require.NoError(t, err)
			if server == lab.ServerV4 && !strings.Contains(string(table), ":0016 0000000000000000FFFF0000") {
				t.Error("the peer is not a mapped address")
			}
			story(t, a)
			a.session.answers(t)
			a.logsIn(t)
		})
	}
}

// alice is one who administers a server from far away.
type alice struct {
	sshd    *sshd
	at      *lab.Host
	server  string
	session *openShell
}

// applies applies a profile in her session.
func (a *alice) applies(t *testing.T, profile string, more ...string) (out string, code int) {
	t.Helper()
	words := append([]string{run.Binary(t), "apply", profile, "--auto-approve"}, more...)
	return a.session.types(t, words...)
}

// command is one that runs in a login of its own.
func (a *alice) command(words ...string) *exec.Cmd {
	return a.sshd.command(a.at, a.server, words...)
}

// logsIn fails the test unless a new login works.
func (a *alice) logsIn(t *testing.T) {
	t.Helper()
	a.sshd.logsIn(t, a.at, a.server)
}

// Two profiles: one lets alice in, the other only an office elsewhere.
const (
	letsAliceIn = `"192.0.2.0/24", "198.51.100.0/28", "2001:db8::/64", "2001:db8:10::/48"`
	shutsOut    = `"192.0.2.0/24", "2001:db8::/64"`
)

// office is a profile whose SSH is open to some addresses alone.
func office(t *testing.T, addresses string) string {
	t.Helper()
	return testfile.Write(t, "office.toml", `version = 1
[sets.office]
addresses = [`+addresses+`]
[services.ssh]
ports = ["tcp/22"]
from = ["@office"]
admin = true
`)
}

// TestRefusedOverSSHNFT and its twin: an apply that would lock its caller out is
// refused, and changes nothing; not even that conntrack looks at nothing.
func TestRefusedOverSSHNFT(t *testing.T) { remotely(t, "nft", refusedOverSSH) }

func TestRefusedOverSSHLegacy(t *testing.T) { remotely(t, "legacy", refusedOverSSH) }

func refusedOverSSH(t *testing.T, a *alice) {
	before, known := stage.TakePicture(t), synflood.Tracked(t)
	out, code := a.applies(t, office(t, shutsOut))
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	require.Contains(t, out, "this would lock out "+callers[a.server]+" (your SSH connection) at tcp/22: a new connection would be refused", "Nothing was changed. Fix the profile", "also before one from cron. --no-guard")
	stage.TakePicture(t).Is(t, before)
	trials.NothingUnderWay(t)
	a.session.answers(t)
	if synflood.Tracked(t) > known {
		t.Error("conntrack looks at the session now")
	}
}

// TestLockedOutOverSSHNFT and its twin: forced through, that apply is over by its
// deadline, with every process of hardenctl killed. The session that applied
// goes on all the while, and so does another that is older than the apply: that it
// is open does not prove that a new one works, so it cannot confirm.
func TestLockedOutOverSSHNFT(t *testing.T) { remotely(t, "nft", lockedOutOverSSH) }

func TestLockedOutOverSSHLegacy(t *testing.T) { remotely(t, "legacy", lockedOutOverSSH) }

func lockedOutOverSSH(t *testing.T, a *alice) {
	before, older := trials.Lasting(t), a.sshd.stays(t, a.at, a.server)
	out, code := a.applies(t, office(t, shutsOut), "--no-guard", "--confirm-within", "10m")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	if run.KillAll(t) == 0 {
		t.Error("no watchdog was there to be killed")
	}
	door := net.JoinHostPort(a.server, "22")
	if traffic.Connects(a.at, door, false) {
		t.Error("not locked out")
	}
	for _, sudo := range []string{"", "env -u SSH_CONNECTION"} {
		out, code := older.types(t, sudo, run.Binary(t), "confirm")
		if code != 1 || !strings.Contains(out, "this login began before the apply") {
			t.Errorf("%s from a login that is older than the apply: exit %d: %s", sudo, code, out)
		}
	}
	belowTmux(t, older)
	a.session.answers(t)
	deadline := trials.MoveDeadline(t, 0)
	lab.Await(t, "a way in after the deadline", func() bool { return traffic.Connects(a.at, door, false) })
	trials.NoteP4(t, deadline)
	a.session.answers(t)
	a.logsIn(t)
	require.Contains(t, run.Expect(t, 0, "revert"), "Reverted.")
	trials.Lasting(t).Is(t, before)
}

// belowTmux confirms from a process that no sshd is above, as in tmux: the
// connection of which it was told is open, and older than the apply.
func belowTmux(t *testing.T, older *openShell) {
	t.Helper()
	const said = "/run/below-tmux"
	t.Cleanup(func() { os.Remove(said) })
	older.types(t, "setsid -f sh -c '"+run.Binary(t)+" confirm >"+said+" 2>&1; echo exit $? >>"+said+"'")
	var text []byte
	lab.Await(t, "a confirm below tmux", func() bool { text, _ = os.ReadFile(said); return strings.Contains(string(text), "exit ") })
	require.Contains(t, string(text), "this login began before the apply", "exit 1")
}

// TestConfirmOverSSHNFT and its twin: an apply over SSH is a trial of a minute.
// It is confirmed from a second login, and not from the first, whatever that
// hides of itself: sudo takes SSH_CONNECTION out of the environment.
func TestConfirmOverSSHNFT(t *testing.T) { remotely(t, "nft", confirmOverSSH) }

func TestConfirmOverSSHLegacy(t *testing.T) { remotely(t, "legacy", confirmOverSSH) }

func confirmOverSSH(t *testing.T, a *alice) {
	profile := office(t, letsAliceIn)
	text, code := a.applies(t, profile, "--json")
	var o struct{ Trial trialOf }
	require.NoError(t, json.Unmarshal([]byte(text), &o))
	if code != 0 || o.Trial.Seconds != 60 {
		t.Fatalf("exit %d: %s", code, text)
	}
	trials.MoveDeadline(t, 10*time.Minute)
	a.session.answers(t)
	for _, sudo := range []string{"", "env -u SSH_CONNECTION"} {
		out, code := a.session.types(t, sudo, run.Binary(t), "confirm", o.Trial.Token)
		if code != 1 || !strings.Contains(out, "open a new SSH session") {
			t.Errorf("%s from the login that applied: exit %d: %s", sudo, code, out)
		}
	}
	out, code := run.Outcome(t, a.command("env", "-u", "SSH_CONNECTION", run.Binary(t), "confirm", o.Trial.Token))
	if code != 0 {
		t.Errorf("from a new login: exit %d: %s", code, out)
	}
	run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
}

// trialOf is what the JSON of an apply says of its trial.
type trialOf struct {
	Token    string
	Deadline time.Time
	Seconds  int
}

// Another session of the connection that applied is not a new login: ssh can share
// one among all of them.
func TestConfirmOverSharedSSH(t *testing.T) {
	stage.Bare(t, "nft")
	d, caller := newSSHD(t), lab.NewNetwork(t).Host("caller", callerV4, callerV6)
	socket := filepath.Join(d.folder, "shared")
	t.Cleanup(func() {
		exec.Command("ssh", "-O", "exit", "-o", "ControlPath="+socket, "root@"+lab.ServerV4).Run()
	})
	shared := func(words ...string) *exec.Cmd {
		cmd := d.command(caller, lab.ServerV4, words...)
		at := slices.Index(cmd.Args, "root@"+lab.ServerV4)
		cmd.Args = slices.Insert(cmd.Args, at, "-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", "ControlPath="+socket)
		return cmd
	}
	require.NoError(t, shared(run.Binary(t), "apply", office(t, letsAliceIn), "--auto-approve").Run())
	trials.MoveDeadline(t, 10*time.Minute)
	for _, sudo := range [][]string{nil, {"env", "-u", "SSH_CONNECTION"}} {
		out, code := run.Outcome(t, shared(append(sudo, run.Binary(t), "confirm")...))
		if code != 1 || !strings.Contains(out, "open a new SSH session") {
			t.Errorf("%s by the connection that applied: exit %d: %s", sudo, code, out)
		}
	}
	if out, code := run.Outcome(t, d.command(caller, lab.ServerV4, run.Binary(t), "confirm")); code != 0 {
		t.Errorf("from a new login: exit %d: %s", code, out)
	}
}
