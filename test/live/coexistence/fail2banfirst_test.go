package coexistence

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// bansByIptables is a jail of the administrator's own, with fail2ban's own action: it puts
// its jump first in INPUT when it bans for the first time.
const bansByIptables = `[web]
enabled = true
filter = sshd
backend = auto
logpath = /run/web.log
bantime = 3600
banaction = iptables-allports
[sets]
enabled = true
filter = sshd
backend = auto
logpath = /run/web.log
banaction = iptables-ipset[type=allports]
`

// ownBans is a web server whose fail2ban bans by itself.
const ownBans = `version = 1
include = ["builtin:web"]
[access]
admin = ["192.0.2.10", "2001:db8::10"]
`

// letsBans lets fail2ban's jumps come before ours.
const letsBans = ownBans + "[policy]\nbefore = [\"f2b-*\"]\n"

// fail2banFirst is a host with fail2ban and two sources.
type fail2banFirst struct {
	banned, other *lab.Host
	stop          func()
}

func newFail2banFirst(t *testing.T) *fail2banFirst {
	lab.Serve(t, "tcp", 80)
	lab.Serve(t, "tcp", 22)
	os.Remove("/run/web.sqlite3")
	require.NoError(t, os.WriteFile("/run/web.log", nil, 0o644))
	testfile.Place(t, "/etc/fail2ban/jail.d/web.conf", bansByIptables)
	t.Cleanup(func() { require.NoError(t, os.Remove("/etc/fail2ban/jail.d/web.conf")) })
	network := lab.NewNetwork(t)
	f := &fail2banFirst{banned: network.Host("banned", "192.0.2.66/24", "2001:db8::66/64"), other: network.Host("other", "192.0.2.67/24", "2001:db8::67/64")}
	f.stop = startFail2banWith(t, "/run/web.sqlite3", "web")
	for _, address := range traffic.Addresses(f.banned) {
		client(t, "set", "web", "banip", address.String())
	}
	f.awaitFirst(t)
	return f
}

// awaitFirst waits until fail2ban has its jumps first, and its bans.
func (f *fail2banFirst) awaitFirst(t *testing.T) {
	t.Helper()
	lab.Await(t, "fail2ban's bans", func() bool { return f.isFirst(t, "iptables") && f.isFirst(t, "ip6tables") })
}

func (f *fail2banFirst) isFirst(t *testing.T, tool string) bool {
	saved := run.Tool(t, tool+" -S")
	return strings.Contains(saved, "-j REJECT") && strings.HasPrefix(inputOf(saved)+"\n", "-A INPUT -p tcp -j f2b-web\n")
}

// inputOf are the rules of INPUT of what iptables -S prints.
func inputOf(saved string) string {
	var rules []string
	for line := range strings.Lines(saved) {
		if strings.HasPrefix(line, "-A INPUT ") {
			rules = append(rules, strings.TrimSpace(line))
		}
	}
	return strings.Join(rules, "\n")
}

// restart has fail2ban end, and bring its bans back from its database.
func (f *fail2banFirst) restart(t *testing.T) {
	t.Helper()
	f.stop()
	if saved := run.Tool(t, "iptables -S"); strings.Contains(saved, "f2b-") {
		t.Fatalf("fail2ban has ended, and left\n%s", saved)
	}
	f.stop = startFail2banWith(t, "/run/web.sqlite3", "web")
	f.awaitFirst(t)
}

// bans holds that the source that fail2ban bans gets nothing, and another gets in.
func (f *fail2banFirst) bans(t *testing.T) {
	t.Helper()
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		traffic.Refused(t, f.banned, server, 80)
		traffic.Reaches(t, f.other, server, 80, 1)
	}
}

func applied(t *testing.T, text string, args ...string) string {
	t.Helper()
	return run.Expect(t, 0, append([]string{"apply", testfile.Write(t, "web.toml", text), "--auto-approve", "--no-guard"}, args...)...)
}

// A profile that lets fail2ban's jumps come before ours keeps its live bans, at each step
// of an apply and after each restart of fail2ban, and no plan has anything to move.
func TestFail2banStaysFirst(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		f := newFail2banFirst(t)
		profile := testfile.Write(t, "lets.toml", letsBans)
		applied(t, letsBans, "--confirm-within", "0")
		f.bans(t)
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
		for _, tool := range []string{"iptables", "ip6tables"} {
			if got := inputOf(run.Tool(t, tool+" -S")); got != "-A INPUT -p tcp -j f2b-web\n-A INPUT -j HARDENCTL-INPUT" {
				t.Errorf("%s: INPUT is\n%s", tool, got)
			}
		}
		f.restart(t)
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
		f.bans(t)

		// fail2ban restarts while another profile is on trial, which is confirmed then.
		more := letsBans + "[services.more]\nports = [\"tcp/8443\"]\n"
		applied(t, more, "--confirm-within", "5m")
		f.bans(t)
		f.restart(t)
		f.bans(t)
		run.Expect(t, 0, "confirm", "--same-session")
		f.bans(t)
		run.Expect(t, 0, "plan", testfile.Write(t, "more.toml", more), "--detailed-exitcode")
		applied(t, letsBans, "--confirm-within", "5m")
		run.Expect(t, 0, "revert")
		f.bans(t)
		run.Expect(t, 0, "plan", testfile.Write(t, "more.toml", more), "--detailed-exitcode")

		// Behind ours makes no difference either, and the plan says what helps.
		for _, tool := range []string{"iptables", "ip6tables"} {
			run.Tool(t, tool+" -D INPUT -p tcp -j f2b-web")
			run.Tool(t, tool+" -A INPUT -p tcp -j f2b-web")
		}
		require.Contains(t, run.Expect(t, 0, "plan", testfile.Write(t, "more.toml", more), "--detailed-exitcode"),
			"come behind hardenctl's now (f2b-web in IPv4 filter INPUT, f2b-web in IPv6 filter INPUT)")
	})
}

// Without the line, the plan says that fail2ban's bans will be behind ours, and an apply
// does that. The line that it proposes brings them back.
func TestFail2banIsNamed(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		f := newFail2banFirst(t)
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			traffic.Refused(t, f.banned, server, 80)
		}
		require.Contains(t, run.Expect(t, 0, "plan", testfile.Write(t, "own.toml", ownBans)),
			"fail2ban (f2b-web in IPv4 filter INPUT, f2b-web in IPv6 filter INPUT): its bans come behind hardenctl's rules", "(now: 2 sources)", `[policy] before = ["f2b-*"]`)
		applied(t, ownBans, "--confirm-within", "0")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			traffic.Reaches(t, f.banned, server, 80, 1)
		}
		client(t, "set", "sets", "banip", "192.0.2.68")
		lab.Await(t, "a rule with a set", func() bool { return strings.Contains(run.Tool(t, "iptables -S INPUT"), "--match-set f2b-sets src") })
		require.Contains(t, run.Expect(t, 0, "plan", testfile.Write(t, "own.toml", ownBans)),
			"fail2ban (set f2b-sets in IPv4 filter INPUT): its bans come behind hardenctl's rules", "(now: 3 sources). These rules jump to no chain")
		client(t, "set", "sets", "unbanip", "192.0.2.68") // else it comes back with the next start
		client(t, "stop", "sets")
		f.restart(t)
		require.Contains(t, run.Expect(t, 2, "plan", testfile.Write(t, "own.toml", ownBans), "--detailed-exitcode"), "-j HARDENCTL-INPUT (as rule 2)")
		f.bans(t)
		applied(t, letsBans, "--confirm-within", "0")
		f.bans(t)
		run.Expect(t, 0, "plan", testfile.Write(t, "lets.toml", letsBans), "--detailed-exitcode")
	})
}

// Rules that somebody has saved with fail2ban's jump first come back in this order at a
// boot, and a restore on a host that runs does not move them. Another rule that was saved
// before ours comes behind.
func TestFail2banFirstAtBoot(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		f := newFail2banFirst(t)
		profile := testfile.Write(t, "lets.toml", letsBans)
		applied(t, letsBans, "--confirm-within", "0")
		run.Expect(t, 0, "restore")
		f.bans(t)
		for path, tool := range map[string]string{"/etc/iptables/rules.v4": "iptables-save", "/etc/iptables/rules.v6": "ip6tables-save"} {
			require.NoError(t, os.WriteFile(path, []byte(run.Tool(t, tool)), 0o640))
		}
		f.stop()
		bootsim.LoseState(t)
		run.Expect(t, 0, "restore")
		f.bans(t)
		f.awaitFirst(t)

		applied(t, letsBans, "--confirm-within", "0") // it writes the files anew, with ours in them
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
		testfile.Edit(t, "/etc/iptables/rules.v4", "-A INPUT -p tcp -j f2b-web\n", "-A INPUT -p tcp -j f2b-web\n-A INPUT -s 192.0.2.67/32 -j DROP\n")
		bootsim.LoseState(t)
		run.Expect(t, 0, "restore")
		f.bans(t)
		if got := inputOf(run.Tool(t, "iptables -S")); got != "-A INPUT -p tcp -j f2b-web\n-A INPUT -j HARDENCTL-INPUT\n-A INPUT -s 192.0.2.67/32 -j DROP" {
			t.Errorf("INPUT is\n%s", got)
		}
	})
}

// A ban of fail2ban that stays before ours and refuses an admin address is found by the
// lockout check, which says which rule it is.
func TestFail2banBansAdmin(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		f := newFail2banFirst(t)
		client(t, "set", "web", "banip", "192.0.2.10")
		lab.Await(t, "the ban of the admin", func() bool { return strings.Contains(run.Tool(t, "iptables -S"), "192.0.2.10/32") })
		profile := testfile.Write(t, "lets.toml", letsBans)
		require.Contains(t, run.Expect(t, 1, "apply", profile, "--auto-approve", "--confirm-within", "0"),
			"192.0.2.10", "filter INPUT, rule 1, of another program: -p tcp -j f2b-web")
		client(t, "set", "web", "unbanip", "192.0.2.10")
		lab.Await(t, "the end of the ban of the admin", func() bool { return !strings.Contains(run.Tool(t, "iptables -S"), "192.0.2.10/32") })
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0")
		f.bans(t)
	})
}
