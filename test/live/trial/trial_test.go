package trial

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// Without a confirm, and with no hardenctl process alive, the kernel returns
// to the old rules: new connections are decided by them, open ones live. A later
// command clears up, and the host is byte for byte what it was, bans included.
func TestTrialEndsInTheKernel(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		before, counted := trials.Lasting(t), trials.ForeignObjects(t)
		var streams []*traffic.Stream
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			streams = append(streams, traffic.OpenStream(t, s.Client, server))
		}
		trials.TryOut(t, s.After, "10m")
		if run.KillAll(t) == 0 {
			t.Error("no watchdog was there to be killed")
		}
		s.IsNew(t, true)
		run.Tool(t, "ipset add hardenctl-ban-v6 2001:db8:bad:: timeout 1200")
		s.BecomesOld(t, trials.MoveDeadline(t, 0))
		for _, stream := range streams {
			stream.End(t)
		}
		trials.HasTTL(t, "111") // no process was there to write it
		require.Contains(t, run.Expect(t, 0, "plan", s.Before), "did not finish or was not confirmed", "hardenctl revert")
		run.Expect(t, 0, "revert")
		if after := trials.ForeignObjects(t); after != counted {
			t.Errorf("others had\n%s\nand have\n%s", counted, after)
		}
		run.Tool(t, "ipset del hardenctl-ban-v6 2001:db8:bad::") // it was there till now
		trials.Lasting(t).Is(t, before)
		trials.NothingUnderWay(t)
	})
}

// On a host that hardenctl has never seen, everything is gone after a trial;
// the watchdog sees to it.
func TestTrialEndsByWatchdog(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		s := trials.NewSite(t)
		before := trials.Lasting(t)
		trials.TryOut(t, s.After, "10m")
		if traffic.Connects(s.Client, net.JoinHostPort(lab.ServerV4, "80"), false) {
			t.Error("the new rules do not count")
		}
		deadline := trials.MoveDeadline(t, 0)
		trials.Ended(t)
		trials.NoteP4(t, deadline)
		trials.Lasting(t).Is(t, before)
		trials.NothingUnderWay(t)
	})
}

// A confirm from a new login makes the new state the only one, and saves it.
// What was counted and banned on trial stays.
func TestConfirm(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		counted := trials.ForeignObjects(t)
		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		token, _ := trials.TryOut(t, s.After, "10m")
		s.IsNew(t, true)
		onTrialSets(t)
		refusals := []struct {
			login, says string
			code        int
			args        []string
		}{
			{run.Confirming, "not the token of the pending trial (an apply of variant.toml, until", 1, []string{"confirm", "aaaaaaaa"}},
			{run.Applying, "open a new SSH session", 1, []string{"confirm", token}},
			{"SSH_CONNECTION=", "open a new SSH session", 1, []string{"confirm", token}}, // as sudo in tmux
			{run.Confirming, "an apply of variant.toml by root from 192.0.2.7 is on trial until", 6, []string{"apply", s.Before, "--auto-approve", "--no-guard", "--lock-timeout", "1s"}},
			{run.Confirming, "is on trial until", 6, []string{"rollback", "--auto-approve", "--no-guard", "--lock-timeout", "0"}},
			{run.Confirming, "is on trial until", 6, []string{"restore", "--lock-timeout", "0"}},
		}
		during := stage.TakePicture(t)
		for _, r := range refusals {
			require.Contains(t, run.ExpectAs(t, r.login, r.code, r.args...), r.says)
		}
		stage.TakePicture(t).Is(t, during)
		// What others do in the meantime is theirs to do.
		run.Tool(t, "iptables -I INPUT -s 203.0.113.200 -j DROP")
		require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "confirm", token), "Confirmed.", "This is generation 2")
		run.Tool(t, "iptables -D INPUT -s 203.0.113.200 -j DROP")

		run.Expect(t, 0, "plan", s.After, "--detailed-exitcode")
		s.IsNew(t, true)
		trials.HasTTL(t, "111")
		for _, ban := range []string{"hardenctl-ban-v4 203.0.113.9", "hardenctl-ban-v4 203.0.113.10", "hardenctl-ban-v6 2001:db8:bad::"} {
			set, address, _ := strings.Cut(ban, " ")
			if left := banset.Remaining(t, set, address); left < 600 || left > 1200 {
				t.Errorf("%s: the ban has %d s left, want about 1200", address, left)
			}
		}
		if after := trials.ForeignObjects(t); after != counted {
			t.Errorf("others had\n%s\nand have\n%s", counted, after)
		}
		require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm", token), "no trial is pending")
		trials.NothingUnderWay(t)
		trials.NoTrialLeft(t)
	})
}

// onTrialSets bans a source in the copy that the trial has of a set, as a packet
// would, and another in the set that others know, and makes sure that the set itself is as it was.
func onTrialSets(t *testing.T) {
	t.Helper()
	run.Tool(t, "ipset add hardenctl_ban-v6 2001:db8:bad:: timeout 1200")
	run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.10 timeout 1200") // as fail2ban does
	require.Contains(t, run.Tool(t, "ipset list -t hardenctl-ban-v6"), "timeout 3600")
	require.Contains(t, run.Tool(t, "ipset list -t hardenctl_ban-v6"), "timeout 1800")
	require.Contains(t, run.Tool(t, "ipset save hardenctl-office-v4"), "198.51.100.0/28")
}

// A confirm on a host on which others have changed what the trial made, or
// after its time, changes nothing.
func TestConfirmRefused(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		before := stage.TakePicture(t)
		for _, c := range []struct{ name, command, says string }{
			{"a rule", "ip6tables -D HARDENCTL_INPUT 2", "IPv6 filter HARDENCTL_INPUT"},
			{"a jump", "iptables -D INPUT 2", "IPv4 filter INPUT"},
			{"a set", "ipset del hardenctl_office-v4 198.51.100.64/28", "set hardenctl-office-v4"},
			{"a setting", "sysctl -qw net.ipv4.ip_default_ttl=77", "net.ipv4.ip_default_ttl"},
		} {
			t.Run(c.name, func(t *testing.T) {
				token, _ := trials.TryOut(t, s.After, "10m")
				run.Tool(t, c.command)
				during := stage.TakePicture(t)
				require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm", token), "someone has changed the host", c.says)
				stage.TakePicture(t).Is(t, during)
				require.Contains(t, run.Expect(t, 0, "revert"), "Reverted.")
				stage.TakePicture(t).Is(t, before)
			})
		}
		t.Run("too late", func(t *testing.T) {
			token, _ := trials.TryOut(t, s.After, "10m")
			run.KillAll(t)
			trials.MoveDeadline(t, 0)
			isOver(t)
			require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm", token), "no trial is pending")
			stage.TakePicture(t).Is(t, before)
		})
	})
}

// Others flush the firewall in a trial: a confirm notices, and what comes
// back after the trial is what he has made of it, not what was there before.
func TestFault17_FlushOnTrial(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		token, _ := trials.TryOut(t, s.After, "10m")
		run.Tool(t, "iptables -P INPUT ACCEPT")
		run.Tool(t, "iptables -F")
		require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm", token), "someone has changed the host")
		flushed := trials.ForeignObjects(t)
		run.Expect(t, 0, "revert")
		if after := trials.ForeignObjects(t); after != flushed {
			t.Errorf("others had\n%s\nand have\n%s", flushed, after)
		}
		if save := run.Tool(t, "iptables-save"); strings.Contains(save, "-A INPUT") || strings.Contains(save, "-A HARDENCTL") {
			t.Errorf("rules came back:\n%s", save)
		}
		trials.NoTrialLeft(t)
		trials.HasTTL(t, "99")
		if left := banset.Remaining(t, "hardenctl-ban-v4", "203.0.113.9"); left < 600 {
			t.Errorf("the ban has %d s left", left)
		}
		run.Expect(t, 0, "apply", s.Before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		run.Expect(t, 0, "plan", s.Before, "--detailed-exitcode")
	})
}

// A confirm that is said in time, and takes longer than what was left, keeps the
// new rules all the while; the watchdog, which wants to end the trial in the
// middle of it, has to wait, and finds nothing to do.
func TestFault15_ConfirmAgainstTheDeadline(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		token, _ := trials.TryOut(t, s.After, "10m")
		loading, release := filepath.Join(t.TempDir(), "loading"), filepath.Join(t.TempDir(), "release")
		inject.BreakTool("touch " + loading + "; " + inject.UntilThere(release))(t)
		deadline := trials.MoveDeadline(t, 12*time.Second)
		ended := make(chan string)
		go func() {
			cmd := exec.Command(run.Binary(t), "confirm", token)
			cmd.Env = append(os.Environ(), run.Confirming)
			out, _ := cmd.CombinedOutput()
			ended <- string(out)
		}()
		awaitFile(t, loading)
		time.Sleep(time.Until(deadline) + time.Second)
		s.IsNew(t, true)
		require.NoError(t, os.WriteFile(release, nil, 0o600))
		require.Contains(t, <-ended, "Confirmed.")
		s.IsNew(t, true)
		run.Expect(t, 0, "plan", s.After, "--detailed-exitcode")
		trials.NoTrialLeft(t)
	})
}
