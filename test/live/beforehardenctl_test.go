package live

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
)

// unasked are the arguments of an apply that is for good at once.
var unasked = []string{"--auto-approve", "--no-guard", "--confirm-within", "0"}

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
	onBackends(t, func(t *testing.T) {
		before := look(t)
		contains(t, expect(t, 0, append([]string{"apply", "builtin:web"}, unasked...)...), "`hardenctl rollback` restores the state before hardenctl")
		said := expect(t, 0, append([]string{"rollback"}, unasked...)...)
		contains(t, said, "before hardenctl on this host", "Applied. The host is as it was before hardenctl.", "This is generation 2", "--after-rollback 2")
		look(t).is(t, before)
		contains(t, expect(t, 0, "history"), "(back to 0)")
		contains(t, expect(t, 0, append([]string{"rollback", "0"}, unasked...)...), "No changes: the host is as it was before hardenctl.")
		rebooted(t)
		contains(t, expect(t, 0, "restore"), "nothing to restore")
		look(t).is(t, before)
	})
}

// On a server with rules, sets, policies and files of others it is what it was
// too: on trial, after the confirm and after a reboot. What others have changed
// meanwhile stays. A later apply works, and can be undone again.
func TestRollbackToBefore(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		fed(t, moreSets, "ipset", "restore")
		t.Cleanup(func() { tool(t, "ipset destroy all") }) // before what it lists
		tool(t, "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")
		tool(t, "iptables -P INPUT DROP")
		must(t, os.WriteFile("/etc/sysctl.d/60-hardenctl.conf", []byte("# by hand\n"), 0o644))
		before := look(t)
		expect(t, 0, append([]string{"apply", "builtin:web"}, unasked...)...)
		restoresBefore(t, before["sets"])
		expect(t, 0, append([]string{"apply", "builtin:docker-host"}, unasked...)...)

		out := expectAs(t, applying, 0, "rollback", "0", "--auto-approve", "--no-guard", "--confirm-within", "10m")
		contains(t, out, "The host is as it was before hardenctl, on trial for 600 s.")
		contains(t, expectAs(t, confirming, 0, "confirm"), "Confirmed. The host is as it was before hardenctl, also after a reboot.", "This was a rollback to the state before hardenctl by ", "This is generation 3")
		look(t).is(t, before)
		if stat, err := os.Stat("/etc/iptables/rules.v4"); err != nil || stat.Mode() != 0o640 {
			t.Errorf("the mode of the rules file: %v, %v", stat.Mode(), err)
		}

		expect(t, 0, append([]string{"apply", "builtin:web", "--after-rollback", "3"}, unasked...)...)
		tool(t, "iptables -A INPUT -s 192.0.2.201 -j ACCEPT")
		addLine(t, "/etc/iptables/rules.v4", "-A INPUT -s 192.0.2.201 -j ACCEPT\nCOMMIT\n")
		tool(t, "ipset add cdn 2001:db8:ce::/48")
		expect(t, 0, append([]string{"rollback"}, unasked...)...) // to generation 3, which is that
		after := before.with("IPv4 rules", "--ctstate ESTABLISHED -j ACCEPT\n", "--ctstate ESTABLISHED -j ACCEPT\n-A INPUT -s 192.0.2.201/32 -j ACCEPT\n").
			with("sets", "add cdn 2001:db8:cd::/48\n", "add cdn 2001:db8:cd::/48\nadd cdn 2001:db8:ce::/48\n").
			with("/etc/iptables/rules.v4", "COMMIT\n", "-A INPUT -s 192.0.2.201 -j ACCEPT\nCOMMIT\n")
		look(t).is(t, after)
	})
}

// with is a picture in which a part of one text is another.
func (p picture) with(name, old, new string) picture {
	changed := picture{}
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
	must(t, err)
	must(t, os.WriteFile(path, []byte(strings.TrimSuffix(string(text), "COMMIT\n")+lines), 0o640))
}

// restoresBefore feeds what the first generation keeps of the sets before it to
// ipset itself, in a namespace of its own.
func restoresBefore(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join(ourGenerations.Folder, "1/before/ipsets")
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
	if got := sets(string(out)); got != creates.String() {
		t.Errorf("restored is\n%swant\n%s", got, &creates)
	}
}

// What the host had before may lock out who is logged in now: nothing of ours
// is before the rules of others then, and the guard tries those.
func TestRollbackToBeforeLocksOut(t *testing.T) {
	const first, second = "2001:db8:10::2", "2001:db8:10::3"
	bare(t, "nft")
	caller := lab.NewNetwork(t).Host("caller", first, second)
	fed(t, "create staff hash:net family inet6\nadd staff 2001:db8:10::/64\nadd staff "+second+" nomatch\n", "ipset", "restore")
	tool(t, "ip6tables -A INPUT -m set --match-set staff src -j ACCEPT")
	tool(t, "ip6tables -A INPUT -p ipv6-icmp -j ACCEPT")
	tool(t, "ip6tables -P INPUT DROP")
	expect(t, 0, append([]string{"apply", "builtin:web"}, unasked...)...)
	server, err := net.Listen("tcp", ":22")
	must(t, err)
	defer server.Close()
	logIn := func(from string) {
		conn, err := caller.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(from), 0), "tcp", "["+lab.ServerV6+"]:22", stall)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		held, err := server.Accept()
		must(t, err)
		t.Cleanup(func() { held.Close() })
	}
	t.Setenv("SSH_CONNECTION", "")
	rollback := []string{"rollback", "0", "--auto-approve", "--confirm-within", "0"}
	out := expect(t, 1, rollback...)
	contains(t, out, "no admin access to verify", "Log in over SSH and run it there, or add --no-guard")
	if strings.Contains(out, "[access]") {
		t.Errorf("a rollback names the profile:\n%s", out)
	}
	logIn(first)
	logIn(second)
	contains(t, expect(t, 1, rollback...), "this would lock out "+second, "at tcp/22: a new connection would be refused")
}

// Where a bundle was in use before without hardenctl, as a folder of golden files
// is, that is what the host had.
func TestRollbackToABundleByHand(t *testing.T) {
	bare(t, "nft")
	const golden = "../../golden/database/"
	for name, path := range map[string]string{"rules.v4": "/etc/iptables/rules.v4", "rules.v6": "/etc/iptables/rules.v6", "ipsets": "/etc/iptables/ipsets"} {
		text, err := os.ReadFile(golden + name)
		must(t, err)
		must(t, os.WriteFile(path, text, 0o644))
	}
	tool(t, "ipset restore -file /etc/iptables/ipsets")
	tool(t, "iptables-restore /etc/iptables/rules.v4")
	tool(t, "ip6tables-restore /etc/iptables/rules.v6")
	before := look(t)
	expect(t, 0, append([]string{"apply", "builtin:web"}, unasked...)...)
	expect(t, 0, append([]string{"rollback", "0"}, unasked...)...)
	look(t).is(t, before)
}

// Who has taken everything out by hand says so by rollback 0: though it finds
// nothing to change, no boot closes the host any more.
func TestRollbackOfNothing(t *testing.T) {
	bare(t, "nft")
	before := look(t)
	expect(t, 0, append([]string{"apply", "builtin:web"}, unasked...)...)
	lab.FlushState(t)
	for _, path := range bundle.Paths(bundle.Debian) {
		must(t, os.RemoveAll(path))
	}
	settingsAtFirst(t)
	contains(t, expect(t, 0, append([]string{"rollback", "0"}, unasked...)...), "No changes: the host is as it was before hardenctl.")
	contains(t, expect(t, 0, append([]string{"rollback", "0"}, unasked...)...), "No changes")
	generationsAt(t, "2 before hardenctl", "1 builtin:web")
	rebooted(t)
	contains(t, expect(t, 0, "restore"), "nothing to restore")
	look(t).is(t, before)
}

// generationsAt compares the history with lines of number and profile.
func generationsAt(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, g := range history(t) {
		got = append(got, strings.TrimPrefix(g.String(), "generation ")+" "+g.Profile)
	}
	if !slices.Equal(got, want) {
		t.Errorf("history is %q, want %q", got, want)
	}
}
