package coexistence

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// firewalls is where `make bin/firewalls` unpacks Debian's ufw and firewalld.
const firewalls = "../../../bin/firewalls"

// refusesRival checks that a plan warns of the other firewall, that apply refuses
// it and names the way out, and that nothing is changed. A plan that was saved
// beside it is refused too.
func refusesRival(t *testing.T, says ...string) {
	t.Helper()
	before := stage.TakePicture(t)
	path := filepath.Join(t.TempDir(), "saved.plan")
	out := run.Expect(t, 0, "plan", "builtin:web", "-o", path)
	require.Contains(t, out, append(says, "apply stops until you disable it", "Plan: ")...)
	for _, args := range [][]string{{"builtin:web"}, {"--plan", path}} {
		require.Contains(t, run.Expect(t, 1, append([]string{"apply", "--auto-approve", "--confirm-within", "0", "--no-guard"}, args...)...), says...)
	}
	stage.TakePicture(t).Is(t, before)
}

// The real ufw is refused while it is enabled, by its rules and by what it will
// load at the next boot, and no more once it was disabled as the refusal says.
func TestFault31UFW(t *testing.T) {
	lab.Require(t)
	stage.OnBackends(t, func(t *testing.T) {
		lab.ShowPackages(t, firewalls, "lib/ufw/ufw-init")
		run.WithInput(t, "", "sh", "-ec", "cp /usr/share/ufw/iptables/*.rules /usr/share/ufw/*.init /usr/share/ufw/ufw.conf /etc/ufw/ && chmod 640 /etc/ufw/*.rules")
		run.Expect(t, 0, "plan", "builtin:web") // installed, and not enabled
		run.Tool(t, "ufw allow 22/tcp")
		run.Tool(t, "ufw --force enable")
		refusesRival(t, "the rules of ufw are active in IPv", "then run ufw disable")
		lab.FlushState(t)
		refusesRival(t, "ufw is enabled and will load its rules at boot (/etc/ufw/ufw.conf)", "then run ufw disable")
		run.Expect(t, 2, "plan", "builtin:web", "--detailed-exitcode")
		run.Tool(t, "ufw --force reload")
		run.Tool(t, "ufw disable")
		require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -j ufw-before-input") // which is empty, and stays until a boot
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	})
}

// The real firewalld is refused while it runs, by the rules that it leaves when
// it is killed, and by what starts it at the next boot.
func TestFault31Firewalld(t *testing.T) {
	lab.Require(t)
	stage.OnBackends(t, func(t *testing.T) {
		lab.ShowPackages(t, firewalls, "sbin/firewalld")
		if filepath.Base(t.Name()) == "legacy" {
			run.Tool(t, "sed -i s/^FirewallBackend=.*/FirewallBackend=iptables/ /etc/firewalld/firewalld.conf")
		}
		run.Expect(t, 0, "plan", "builtin:web") // installed, and neither running nor enabled
		daemon := startFirewalld(t)
		refusesRival(t, "firewalld is running", "systemctl disable --now firewalld")
		require.NoError(t, daemon.Process.Signal(syscall.SIGTERM)) // as systemctl stop does
		daemon.Wait()
		run.Expect(t, 0, "plan", "builtin:web", "--json")
		if rivals := run.Planned(t, "builtin:web").Rivals; len(rivals) > 0 {
			t.Errorf("firewalld is stopped, and the plan says %v", rivals)
		}
		daemon = startFirewalld(t)
		require.NoError(t, daemon.Process.Kill())
		daemon.Wait()
		refusesRival(t, "the rules of firewalld are active in ", "systemctl disable --now firewalld")
		flushAllNFT(t)
		lab.FlushState(t)

		link := "/etc/systemd/system/multi-user.target.wants/firewalld.service"
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
		require.NoError(t, os.Symlink("/lib/systemd/system/firewalld.service", link))
		refusesRival(t, "firewalld will start at boot ("+link+")")
		require.NoError(t, os.Remove(link))
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	})
}

// rivals is where `make bin/rivals` unpacks Debian's ferm, shorewall and firehol.
const rivals = "../../../bin/rivals"

// Each of the real ferm, shorewall and firehol is refused once its unit is enabled as its
// package enables it, and no more once it was disabled as the refusal says.
func TestFault31Programs(t *testing.T) {
	lab.Require(t)
	stage.Bare(t, "nft")
	lab.ShowPackages(t, rivals, "sbin/ferm")
	run.Expect(t, 0, "plan", "builtin:web") // installed, and not enabled
	for _, c := range []struct{ unit, target, wayOut string }{
		{"ferm", "sysinit", "systemctl disable ferm"},
		{"shorewall", "basic", "systemctl disable shorewall"},
		{"firehol", "multi-user", "systemctl disable firehol"},
	} {
		link := "/etc/systemd/system/" + c.target + ".target.wants/" + c.unit + ".service"
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
		require.NoError(t, os.Symlink("/lib/systemd/system/"+c.unit+".service", link))
		if c.unit == "firehol" {
			run.Expect(t, 0, "plan", "builtin:web") // its package leaves it switched off
			run.Tool(t, "sed -i s/START_FIREHOL=NO/START_FIREHOL=YES/ /etc/default/firehol")
		}
		refusesRival(t, c.unit+" will load its rules at boot ("+link+")", c.wayOut)
		require.NoError(t, os.Remove(link))
	}
	if found := run.Planned(t, "builtin:web").Rivals; len(found) > 0 {
		t.Errorf("all are disabled, and the plan says %v", found)
	}
}

// The rules of the real ferm leave nothing of hardenctl's; the plan says that they come
// again at the next boot, and how to end that. Debian's ferm writes to the legacy backend.
func TestFermFlushes(t *testing.T) {
	lab.Require(t)
	stage.Bare(t, "legacy")
	lab.ShowPackages(t, rivals, "sbin/ferm")
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	run.Tool(t, "ferm /etc/ferm/ferm.conf")
	if saved := run.Tool(t, "iptables-save"); strings.Contains(saved, "HARDENCTL") {
		t.Error("ferm has left rules of hardenctl")
	}
	link := "/etc/systemd/system/sysinit.target.wants/ferm.service"
	require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
	require.NoError(t, os.Symlink("/lib/systemd/system/ferm.service", link))
	refusesRival(t, "ferm will load its rules at boot", "/etc/ferm/ferm.conf", "systemctl disable ferm")
	require.NoError(t, os.Remove(link))
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
}

// startFirewalld runs firewalld until its rules are loaded, which is before it
// answers on its bus. It is killed at the end of the test.
func startFirewalld(t *testing.T) *exec.Cmd {
	t.Helper()
	require.NoError(t, os.MkdirAll("/run/dbus", 0o755))
	start := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		require.NoError(t, lab.StartDaemon(cmd))
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		return cmd
	}
	os.Remove("/run/dbus/system_bus_socket")
	start("dbus-daemon", "--system", "--nofork", "--nopidfile")
	lab.Await(t, "a bus", func() bool { _, err := os.Stat("/run/dbus/system_bus_socket"); return err == nil })
	daemon := start("firewalld", "--nofork", "--nopid")
	lab.Await(t, "an answer of firewalld", func() bool {
		return exec.Command("dbus-send", "--system", "--print-reply", "--dest=org.fedoraproject.FirewallD1", "/", "org.freedesktop.DBus.Peer.Ping").Run() == nil
	})
	return daemon
}

// flushAllNFT removes every table of nft.
func flushAllNFT(t *testing.T) {
	t.Helper()
	run.Tool(t, "nft flush ruleset")
}

// Rules that nft wrote into the tables of iptables are refused, those that
// iptables-save prints as something wider, those that it does not print at all
// and those at which it gives up, which depends on its version; and so is a table
// that closes the host by its policy.
func TestFault31NativeRules(t *testing.T) {
	const filter = "the table ip filter belongs to iptables, but holds rules that nft wrote (chain INPUT)"
	for _, c := range []struct{ name, rule, says string }{
		{"a set", "rule ip filter INPUT tcp dport { 22, 80 } counter accept", filter},
		{"a range of addresses", "rule ip filter INPUT ip saddr 192.0.2.7-192.0.2.9 counter accept", filter},
		{"not to be printed", "rule ip6 filter INPUT ct state established accept", "the table ip6 filter belongs to iptables"},
		{"without a counter", "rule ip filter INPUT tcp dport 22 accept", "nft list table ip filter"},
		{"a field of IP", "rule ip filter INPUT ip dscp 1 counter drop", filter},
		{"a field of TCP", "rule ip filter INPUT tcp window 20 counter drop", filter},
		{"a user", "rule ip filter INPUT meta skuid 0 counter drop", filter},
		{"a closed table", "table inet filter { chain input { type filter hook input priority 0; policy drop; }; }", "the chain input in the nftables table inet filter drops what it does not accept"},
		{"closed before", "table inet early { chain first { type filter hook prerouting priority -300; policy drop; }; }", "the chain first in the nftables table inet early drops what it does not accept"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stage.Bare(t, "nft")
			t.Cleanup(func() { flushAllNFT(t) })
			for _, tool := range []string{"iptables", "ip6tables"} {
				run.WithInput(t, "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n", tool+"-restore")
			}
			run.Expect(t, 0, "plan", "builtin:web")
			run.WithInput(t, "add "+c.rule+"\n", "nft", "-f", "-")
			if exec.Command("iptables-save").Run() == nil {
				refusesRival(t, c.says)
				return
			}
			before := run.Tool(t, "nft list ruleset")
			require.Contains(t, run.Expect(t, 0, "plan", "builtin:web"), c.says, "apply stops until you disable it")
			require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), c.says)
			if after := run.Tool(t, "nft list ruleset"); after != before {
				t.Errorf("there was\n%s\nand there is\n%s", before, after)
			}
		})
	}
}
