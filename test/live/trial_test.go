package live

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Two logins over SSH.
const (
	applying   = "SSH_CONNECTION=192.0.2.7 50000 203.0.113.80 22"
	confirming = "SSH_CONNECTION=192.0.2.7 50001 203.0.113.80 22"
)

// onTrial runs a test on a server that others live on and that has a profile,
// once with each backend. It ends what trials are left.
func onTrial(t *testing.T, test func(t *testing.T, s *siteOnTrial)) {
	t.Helper()
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		s := newSite(t)
		expect(t, 0, "apply", s.before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		test(t, s)
	})
}

// siteOnTrial is a server with a profile, and another profile to try: it has
// another service, lets others in to a third, bans for another time and states
// another setting.
type siteOnTrial struct {
	before, after   string
	client, knocker *lab.Host
}

func newSite(t *testing.T) *siteOnTrial {
	t.Helper()
	network := lab.NewNetwork(t)
	for _, port := range []int{22, 80, 8443} {
		lab.Serve(t, "tcp", port)
	}
	s := &siteOnTrial{
		before: variant(t, `[policy]`, "[kernel]\ndefault_ttl = 99\n[policy]"),
		after: variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]", `"tcp/80"`, `"tcp/8443"`,
			"198.51.100.0/28", "198.51.100.64/28", "2001:db8:10::/48", "2001:db8:11::/48", `ban = "1h"`, `ban = "30m"`),
		client:  network.Host("client", "192.0.2.20/24", "2001:db8::20/64"),
		knocker: network.Host("knocker", "198.51.100.65", "2001:db8:11::65"),
	}
	t.Cleanup(func() { as(t, applying, "revert") })
	return s
}

// as runs the command in a login.
func as(t *testing.T, login string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Env = append(os.Environ(), login)
	return outcome(t, cmd)
}

// expectAs is expect in a login.
func expectAs(t *testing.T, login string, code int, args ...string) string {
	t.Helper()
	out, got := as(t, login, args...)
	if got != code {
		t.Fatalf("hardenctl %q exits %d, want %d:\n…%s", args, got, code, out[max(0, len(out)-1500):])
	}
	return out
}

// tryOut puts a profile on trial and returns the word that confirms it.
func tryOut(t *testing.T, profile, within string) (token string, deadline time.Time) {
	t.Helper()
	out := expectAs(t, applying, 0, "apply", profile, "--auto-approve", "--no-guard", "--json", "--confirm-within", within)
	var o struct {
		Applied bool
		Trial   struct {
			Token    string
			Deadline time.Time
			Seconds  int
		}
	}
	must(t, json.Unmarshal([]byte(out), &o))
	asked, err := time.ParseDuration(within)
	must(t, err)
	if !o.Applied || len(o.Trial.Token) != 8 || o.Trial.Seconds != int(asked.Seconds()) || time.Until(o.Trial.Deadline) > asked {
		t.Fatalf("a trial of %s: %+v", within, o)
	}
	return o.Trial.Token, o.Trial.Deadline
}

// isNew fails the test unless new connections are decided by the new profile,
// or, if not new, by the old one.
func (s *siteOnTrial) isNew(t *testing.T, want bool) {
	t.Helper()
	if wrong := s.unlike(want); wrong != "" {
		t.Fatalf("new rules %v: %s", want, wrong)
	}
}

// becomesOld waits until new connections are decided by the old profile, and
// notes how long after the deadline that was.
func (s *siteOnTrial) becomesOld(t *testing.T, deadline time.Time) {
	t.Helper()
	lab.Await(t, "the old rules", func() bool { return s.unlike(false) == "" })
	noteP4(t, deadline)
}

// noteP4 notes how long after its deadline a trial was felt. The promise is five
// seconds, of which a busy machine may use up some by itself.
func noteP4(t *testing.T, deadline time.Time) {
	t.Helper()
	t.Logf("the trial is over %v after its deadline", time.Since(deadline).Round(10*time.Millisecond))
}

// unlike names connections that are not decided as wanted.
func (s *siteOnTrial) unlike(wantNew bool) string {
	wrong := make([]string, 6)
	var all sync.WaitGroup
	for i, c := range []struct {
		from *lab.Host
		port string
		open bool
	}{{s.client, "80", !wantNew}, {s.client, "8443", wantNew}, {s.knocker, "22", wantNew}} {
		for j, server := range servers {
			all.Add(1)
			go func() {
				defer all.Done()
				if connects(c.from, net.JoinHostPort(server, c.port), c.open) != c.open {
					wrong[2*i+j] = fmt.Sprintf("%s -> %s port %s: want open %v ", c.from.Name(), server, c.port, c.open)
				}
			}()
		}
	}
	all.Wait()
	return strings.Join(wrong, "")
}

// killAll ends every hardenctl process of the lab, watchdogs too, and returns
// how many there were.
func killAll(t *testing.T) int {
	t.Helper()
	all := running(t)
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	return len(all)
}

// running are the hardenctl processes of this lab: others have theirs.
func running(t *testing.T) []int {
	t.Helper()
	home, err := os.Readlink("/proc/self/ns/net")
	must(t, err)
	var pids []int
	for _, link := range glob(t, "/proc/[0-9]*/exe") {
		folder := filepath.Dir(link)
		program, _ := os.Readlink(link) // it may have ended
		net, _ := os.Readlink(filepath.Join(folder, "ns/net"))
		if program == binary(t) && net == home {
			pid, err := strconv.Atoi(filepath.Base(folder))
			must(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// Without a confirm, and with no hardenctl process alive, the kernel returns
// to the old rules: new connections are decided by them, open ones live. A later
// command clears up, and the host is byte for byte what it was, bans included.
func TestTrialEndsInTheKernel(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		before, counted := lasting(t), foreignObjects(t)
		var streams []*stream
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			streams = append(streams, openStream(t, s.client, server))
		}
		tryOut(t, s.after, "10m")
		if killAll(t) == 0 {
			t.Error("no watchdog was there to be killed")
		}
		s.isNew(t, true)
		tool(t, "ipset add hardenctl-ban-v6 2001:db8:bad:: timeout 1200")
		s.becomesOld(t, moveDeadline(t, 0))
		for _, stream := range streams {
			stream.end(t)
		}
		ttlIs(t, "111") // no process was there to write it
		contains(t, expect(t, 0, "plan", s.before), "did not finish or was not confirmed", "hardenctl revert")
		expect(t, 0, "revert")
		if after := foreignObjects(t); after != counted {
			t.Errorf("others had\n%s\nand have\n%s", counted, after)
		}
		tool(t, "ipset del hardenctl-ban-v6 2001:db8:bad::") // it was there till now
		lasting(t).is(t, before)
		nothingUnderWay(t)
	})
}

// filledByPackets matches what packets of a test leave in sets.
var filledByPackets = regexp.MustCompile(`^add hardenctl-(seen|scan|open)-`)

// lasting is a picture without what the packets of a test leave in sets.
func lasting(t *testing.T) picture {
	t.Helper()
	p := look(t)
	var kept strings.Builder
	for line := range strings.Lines(p["sets"]) {
		if !filledByPackets.MatchString(line) {
			kept.WriteString(line)
		}
	}
	p["sets"] = kept.String()
	return p
}

// foreignObjects are the foreign rules and chains, with what the rules have
// counted, on trial and off it; but for policies and a rule of nat, which count
// packets of the test.
func foreignObjects(t *testing.T) string {
	t.Helper()
	var kept strings.Builder
	for line := range strings.Lines(theirs(t)) {
		counts := strings.Contains(line, " ACCEPT [") || strings.Contains(line, " DROP [") || strings.Contains(line, "-A PREROUTING")
		if !strings.Contains(line, "HARDENCTL_") && !counts {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func ttlIs(t *testing.T, want string) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_default_ttl")
	must(t, err)
	if got := strings.TrimSpace(string(text)); got != want {
		t.Errorf("the TTL is %s, want %s", got, want)
	}
}

// nothingUnderWay fails the test if the journal or a generation that is staged
// says that there is.
func nothingUnderWay(t *testing.T) {
	t.Helper()
	if left := append(glob(t, ourJournal.Folder+"/*"), glob(t, ourGenerations.Folder+"/.*")...); left != nil {
		t.Errorf("it has %v", left)
	}
}

// On a host that hardenctl has never seen, everything is gone after a trial;
// the watchdog sees to it.
func TestTrialEndsByWatchdog(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		s := newSite(t)
		before := lasting(t)
		tryOut(t, s.after, "10m")
		if connects(s.client, net.JoinHostPort(lab.ServerV4, "80"), false) {
			t.Error("the new rules do not count")
		}
		deadline := moveDeadline(t, 0)
		ended(t)
		noteP4(t, deadline)
		lasting(t).is(t, before)
		nothingUnderWay(t)
	})
}

// A confirm from a new login makes the new state the only one, and saves it.
// What was counted and banned on trial stays.
func TestConfirm(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		counted := foreignObjects(t)
		tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		token, _ := tryOut(t, s.after, "10m")
		s.isNew(t, true)
		onTrialSets(t)
		refusals := []struct {
			login, says string
			code        int
			args        []string
		}{
			{confirming, "not the token of the pending trial (an apply of variant.toml, until", 1, []string{"confirm", "aaaaaaaa"}},
			{applying, "open a new SSH session", 1, []string{"confirm", token}},
			{"SSH_CONNECTION=", "open a new SSH session", 1, []string{"confirm", token}}, // as sudo in tmux
			{confirming, "an apply of variant.toml by root from 192.0.2.7 is on trial until", 6, []string{"apply", s.before, "--auto-approve", "--no-guard", "--lock-timeout", "1s"}},
			{confirming, "is on trial until", 6, []string{"rollback", "--auto-approve", "--no-guard", "--lock-timeout", "0"}},
			{confirming, "is on trial until", 6, []string{"restore", "--lock-timeout", "0"}},
		}
		during := look(t)
		for _, r := range refusals {
			contains(t, expectAs(t, r.login, r.code, r.args...), r.says)
		}
		look(t).is(t, during)
		// What others do in the meantime is theirs to do.
		tool(t, "iptables -I INPUT -s 203.0.113.200 -j DROP")
		contains(t, expectAs(t, confirming, 0, "confirm", token), "Confirmed.", "This is generation 2")
		tool(t, "iptables -D INPUT -s 203.0.113.200 -j DROP")

		expect(t, 0, "plan", s.after, "--detailed-exitcode")
		s.isNew(t, true)
		ttlIs(t, "111")
		for _, ban := range []string{"hardenctl-ban-v4 203.0.113.9", "hardenctl-ban-v4 203.0.113.10", "hardenctl-ban-v6 2001:db8:bad::"} {
			set, address, _ := strings.Cut(ban, " ")
			if left := remaining(t, set, address); left < 600 || left > 1200 {
				t.Errorf("%s: the ban has %d s left, want about 1200", address, left)
			}
		}
		if after := foreignObjects(t); after != counted {
			t.Errorf("others had\n%s\nand have\n%s", counted, after)
		}
		contains(t, expectAs(t, confirming, 1, "confirm", token), "no trial is pending")
		nothingUnderWay(t)
		noTrialLeft(t)
	})
}

// onTrialSets bans a source in the copy that the trial has of a set, as a packet
// would, and another in the set that others know, and makes sure that the set itself is as it was.
func onTrialSets(t *testing.T) {
	t.Helper()
	tool(t, "ipset add hardenctl_ban-v6 2001:db8:bad:: timeout 1200")
	tool(t, "ipset add hardenctl-ban-v4 203.0.113.10 timeout 1200") // as fail2ban does
	contains(t, tool(t, "ipset list -t hardenctl-ban-v6"), "timeout 3600")
	contains(t, tool(t, "ipset list -t hardenctl_ban-v6"), "timeout 1800")
	contains(t, tool(t, "ipset save hardenctl-office-v4"), "198.51.100.0/28")
}

// noTrialLeft fails the test if the kernel has anything of a trial.
func noTrialLeft(t *testing.T) {
	t.Helper()
	for _, text := range []string{tool(t, "iptables-save"), tool(t, "ip6tables-save"), tool(t, "ipset list -n")} {
		if strings.Contains(text, "HARDENCTL_") || strings.Contains(text, "hardenctl_") {
			t.Errorf("a trial is left in\n%s", text)
		}
	}
	if left := glob(t, "/etc/*/.*hardenctl*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A confirm on a host on which others have changed what the trial made, or
// after its time, changes nothing.
func TestConfirmRefused(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		before := look(t)
		for _, c := range []struct{ name, command, says string }{
			{"a rule", "ip6tables -D HARDENCTL_INPUT 2", "IPv6 filter HARDENCTL_INPUT"},
			{"a jump", "iptables -D INPUT 2", "IPv4 filter INPUT"},
			{"a set", "ipset del hardenctl_office-v4 198.51.100.64/28", "set hardenctl-office-v4"},
			{"a setting", "sysctl -qw net.ipv4.ip_default_ttl=77", "net.ipv4.ip_default_ttl"},
		} {
			t.Run(c.name, func(t *testing.T) {
				token, _ := tryOut(t, s.after, "10m")
				tool(t, c.command)
				during := look(t)
				contains(t, expectAs(t, confirming, 1, "confirm", token), "someone has changed the host", c.says)
				look(t).is(t, during)
				contains(t, expect(t, 0, "revert"), "Reverted.")
				look(t).is(t, before)
			})
		}
		t.Run("too late", func(t *testing.T) {
			token, _ := tryOut(t, s.after, "10m")
			killAll(t)
			moveDeadline(t, 0)
			isOver(t)
			contains(t, expectAs(t, confirming, 1, "confirm", token), "no trial is pending")
			look(t).is(t, before)
		})
	})
}

// Others flush the firewall in a trial: a confirm notices, and what comes
// back after the trial is what he has made of it, not what was there before.
func TestFault17_FlushOnTrial(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		token, _ := tryOut(t, s.after, "10m")
		tool(t, "iptables -P INPUT ACCEPT")
		tool(t, "iptables -F")
		contains(t, expectAs(t, confirming, 1, "confirm", token), "someone has changed the host")
		flushed := foreignObjects(t)
		expect(t, 0, "revert")
		if after := foreignObjects(t); after != flushed {
			t.Errorf("others had\n%s\nand have\n%s", flushed, after)
		}
		if save := tool(t, "iptables-save"); strings.Contains(save, "-A INPUT") || strings.Contains(save, "-A HARDENCTL") {
			t.Errorf("rules came back:\n%s", save)
		}
		noTrialLeft(t)
		ttlIs(t, "99")
		if left := remaining(t, "hardenctl-ban-v4", "203.0.113.9"); left < 600 {
			t.Errorf("the ban has %d s left", left)
		}
		expect(t, 0, "apply", s.before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		expect(t, 0, "plan", s.before, "--detailed-exitcode")
	})
}

// A confirm that is said in time, and takes longer than what was left, keeps the
// new rules all the while; the watchdog, which wants to end the trial in the
// middle of it, has to wait, and finds nothing to do.
func TestFault15_ConfirmAgainstTheDeadline(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		token, _ := tryOut(t, s.after, "10m")
		loading, release := filepath.Join(t.TempDir(), "loading"), filepath.Join(t.TempDir(), "release")
		breakTool("touch " + loading + "; " + untilThere(release))(t)
		deadline := moveDeadline(t, 12*time.Second)
		ended := make(chan string)
		go func() {
			cmd := exec.Command(binary(t), "confirm", token)
			cmd.Env = append(os.Environ(), confirming)
			out, _ := cmd.CombinedOutput()
			ended <- string(out)
		}()
		awaitFile(t, loading)
		time.Sleep(time.Until(deadline) + time.Second)
		s.isNew(t, true)
		must(t, os.WriteFile(release, nil, 0o600))
		contains(t, <-ended, "Confirmed.")
		s.isNew(t, true)
		expect(t, 0, "plan", s.after, "--detailed-exitcode")
		noTrialLeft(t)
	})
}
