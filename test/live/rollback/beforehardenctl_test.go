package rollback

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// moreSets are sets of others that a save has to tell whole: a list, one that
// counts, one that lets an old entry go.
const moreSets = `create all list:set size 4 timeout 0
create visitors hash:ip family inet6 netmask 64 timeout 60 counters comment skbinfo forceadd
create ports bitmap:port range 1-1024
add all cdn
`

// A rollback of the first apply makes the server what it was before hardenctl: no
// rule, set, setting or file of ours is left.
func TestRollbackOfTheFirstApply(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		before := stage.TakePicture(t)
		require.Contains(t, run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...), "`hardenctl rollback` restores the state before hardenctl")
		said := run.Expect(t, 0, append([]string{"rollback"}, run.Unattended...)...)
		require.Contains(t, said, "before hardenctl on this host", "Applied. The host is as it was before hardenctl.", "This is generation 2", "--after-rollback 2")
		stage.TakePicture(t).Is(t, before)
		require.Contains(t, run.Expect(t, 0, "history"), "(back to 0)")
		require.Contains(t, run.Expect(t, 0, append([]string{"rollback", "0"}, run.Unattended...)...), "No changes: the host is as it was before hardenctl.")
		bootsim.LoseState(t)
		require.Contains(t, run.Expect(t, 0, "restore"), "nothing to restore")
		stage.TakePicture(t).Is(t, before)
	})
}

// On a server with rules, sets, policies and files of others it is what it was
// too: on trial, after the confirm and after a reboot. What others have changed
// meanwhile stays. A later apply works, and can be undone again.
func TestRollbackToBefore(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		run.WithInput(t, moreSets, "ipset", "restore")
		t.Cleanup(func() { run.Tool(t, "ipset destroy all") }) // before what it lists
		run.Tool(t, "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")
		run.Tool(t, "iptables -P INPUT DROP")
		require.NoError(t, os.WriteFile("/etc/sysctl.d/60-hardenctl.conf", []byte("# by hand\n"), 0o644))
		before := stage.TakePicture(t)
		run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...)
		restoresBefore(t, before["sets"])
		run.Expect(t, 0, append([]string{"apply", "builtin:docker-host"}, run.Unattended...)...)

		out := run.ExpectAs(t, run.Applying, 0, "rollback", "0", "--auto-approve", "--no-guard", "--confirm-within", "10m")
		require.Contains(t, out, "The host is as it was before hardenctl, on trial for 600 s.")
		require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "confirm"), "Confirmed. The host is as it was before hardenctl, also after a reboot.", "This was a rollback to the state before hardenctl by ", "This is generation 3")
		stage.TakePicture(t).Is(t, before)
		if stat, err := os.Stat("/etc/iptables/rules.v4"); err != nil || stat.Mode() != 0o640 {
			t.Errorf("the mode of the rules file: %v, %v", stat.Mode(), err)
		}

		run.Expect(t, 0, append([]string{"apply", "builtin:web", "--after-rollback", "3"}, run.Unattended...)...)
		run.Tool(t, "iptables -A INPUT -s 192.0.2.201 -j ACCEPT")
		addLine(t, "/etc/iptables/rules.v4", "-A INPUT -s 192.0.2.201 -j ACCEPT\nCOMMIT\n")
		run.Tool(t, "ipset add cdn 2001:db8:ce::/48")
		run.Expect(t, 0, append([]string{"rollback"}, run.Unattended...)...) // to generation 3, which is that
		after := with(with(with(before, "IPv4 rules", "--ctstate ESTABLISHED -j ACCEPT\n", "--ctstate ESTABLISHED -j ACCEPT\n-A INPUT -s 192.0.2.201/32 -j ACCEPT\n"), "sets", "add cdn 2001:db8:cd::/48\n", "add cdn 2001:db8:cd::/48\nadd cdn 2001:db8:ce::/48\n"), "/etc/iptables/rules.v4", "COMMIT\n", "-A INPUT -s 192.0.2.201 -j ACCEPT\nCOMMIT\n")
		stage.TakePicture(t).Is(t, after)
	})
}

// with is a picture in which a part of one text is another.
func with(p stage.Picture, name, old, new string) stage.Picture {
	changed := stage.Picture{}
	for n, text := range p {
		if n == name {
			text = strings.Replace(text, old, new, 1)
		}
		changed[n] = text
	}
	return changed
}

// addLine replaces the last COMMIT of a file by some lines.
func addLine(t *testing.T, path, lines string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.TrimSuffix(string(text), "COMMIT\n")+lines), 0o640))
}

// restoresBefore feeds what the first generation keeps of the sets before it to
// ipset itself, in a namespace of its own.
func restoresBefore(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join(stage.Generations.Folder, "1/before/ipsets")
	out, err := exec.Command("unshare", "-n", "sh", "-c", "ipset restore < "+path+" && ipset save").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var creates strings.Builder
	for line := range strings.Lines(want) {
		if strings.HasPrefix(line, "create ") {
			creates.WriteString(line)
		}
	}
	if got := stage.Sets(string(out)); got != creates.String() {
		t.Errorf("restored is\n%swant\n%s", got, &creates)
	}
}

// What the host had before may lock out who is logged in now: nothing of ours
// is before the rules of others then, and the guard tries those.
func TestRollbackToBeforeLocksOut(t *testing.T) {
	const first, second = "2001:db8:10::2", "2001:db8:10::3"
	stage.Bare(t, "nft")
	caller := lab.NewNetwork(t).Host("caller", first, second)
	run.WithInput(t, "create staff hash:net family inet6\nadd staff 2001:db8:10::/64\nadd staff "+second+" nomatch\n", "ipset", "restore")
	run.Tool(t, "ip6tables -A INPUT -m set --match-set staff src -j ACCEPT")
	run.Tool(t, "ip6tables -A INPUT -p ipv6-icmp -j ACCEPT")
	run.Tool(t, "ip6tables -P INPUT DROP")
	run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...)
	server, err := net.Listen("tcp", ":22")
	require.NoError(t, err)
	defer server.Close()
	logIn := func(from string) {
		conn, err := caller.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(from), 0), "tcp", "["+lab.ServerV6+"]:22", traffic.Stall)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		held, err := server.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { held.Close() })
	}
	t.Setenv("SSH_CONNECTION", "")
	rollback := []string{"rollback", "0", "--auto-approve", "--confirm-within", "0"}
	out := run.Expect(t, 1, rollback...)
	require.Contains(t, out, "no admin access to verify", "Log in over SSH and run it there, or add --no-guard")
	if strings.Contains(out, "[access]") {
		t.Errorf("a rollback names the profile:\n%s", out)
	}
	logIn(first)
	logIn(second)
	require.Contains(t, run.Expect(t, 1, rollback...), "this would lock out "+second, "at tcp/22: a new connection would be refused")
}

// Where a bundle was in use before without hardenctl, as a folder of golden files
// is, that is what the host had.
func TestRollbackToABundleByHand(t *testing.T) {
	stage.Bare(t, "nft")
	const golden = "../../../golden/database/"
	for name, path := range map[string]string{"rules.v4": "/etc/iptables/rules.v4", "rules.v6": "/etc/iptables/rules.v6", "ipsets": "/etc/iptables/ipsets"} {
		text, err := os.ReadFile(golden + name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
	run.Tool(t, "ipset restore -file /etc/iptables/ipsets")
	run.Tool(t, "iptables-restore /etc/iptables/rules.v4")
	run.Tool(t, "ip6tables-restore /etc/iptables/rules.v6")
	before := stage.TakePicture(t)
	run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...)
	run.Expect(t, 0, append([]string{"rollback", "0"}, run.Unattended...)...)
	stage.TakePicture(t).Is(t, before)
}

// Who has taken everything out by hand says so by rollback 0: though it finds
// nothing to change, no boot closes the host any more.
func TestRollbackOfNothing(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...)
	lab.FlushState(t)
	for _, path := range bundle.Paths(bundle.Debian) {
		require.NoError(t, os.RemoveAll(path))
	}
	stage.SettingsAtFirst(t)
	require.Contains(t, run.Expect(t, 0, append([]string{"rollback", "0"}, run.Unattended...)...), "No changes: the host is as it was before hardenctl.")
	require.Contains(t, run.Expect(t, 0, append([]string{"rollback", "0"}, run.Unattended...)...), "No changes")
	generationsAt(t, "2 before hardenctl", "1 builtin:web")
	bootsim.LoseState(t)
	require.Contains(t, run.Expect(t, 0, "restore"), "nothing to restore")
	stage.TakePicture(t).Is(t, before)
}

// generationsAt compares the history with lines of number and profile.
func generationsAt(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, g := range run.History(t) {
		got = append(got, strings.TrimPrefix(g.String(), "generation ")+" "+g.Profile)
	}
	if !slices.Equal(got, want) {
		t.Errorf("history is %q, want %q", got, want)
	}
}
