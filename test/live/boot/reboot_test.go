package boot

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// A machine that was hardened is hardened again after a reboot, from before its
// first interface is up; and closed but for its administrator if its files are
// broken, whether Debian's loader ran before or none.
func TestReboot(t *testing.T) {
	m := newMachine(t)
	m.write(t, "/etc/hardenctl/profile.toml", bootsim.Keeping)
	m.boot(t)
	m.lets(t, "22/4 22/6 80/4 80/6 9999/4 9999/6", "22/4 22/6 80/4 80/6 9999/4 9999/6")
	require.Contains(t, m.do(t, 0, "hardenctl apply --auto-approve --confirm-within 0 --no-guard"), "/etc/systemd/system/hardenctl-restore.service", "systemctl daemon-reload && systemctl start hardenctl-restore")
	m.do(t, 0, "systemctl daemon-reload")
	m.do(t, 0, "systemctl start hardenctl-restore")
	m.do(t, 0, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 2999")
	hardened := stage.Rules(m.do(t, 0, "iptables-save")) + stage.Rules(m.do(t, 0, "ip6tables-save")) + stage.Sets(m.do(t, 0, "ipset save"))
	const everybody = "22/4 22/6 80/4 80/6"
	m.lets(t, everybody, everybody)

	inForce := func(t *testing.T) {
		t.Helper()
		if seen := stage.Rules(m.read(t, "/seen/v4")) + stage.Rules(m.read(t, "/seen/v6")) + stage.Sets(m.read(t, "/seen/sets")); seen != hardened {
			t.Errorf("before the network was up there was\n%s\nwant\n%s", seen, hardened)
		}
		if links := m.read(t, "/seen/links"); strings.Contains(links, "host0@") && !strings.Contains(linesOf(links, "host0"), "DOWN") {
			t.Errorf("an interface was up before:\n%s", links)
		}
		m.lets(t, everybody, everybody)
		m.do(t, 0, "hardenctl plan --detailed-exitcode")
		m.do(t, 0, "systemctl is-active hardenctl-restore.service")
	}
	closed := func(t *testing.T, says string) {
		t.Helper()
		require.Contains(t, m.read(t, "/seen/v4"), "-A INPUT -j HARDENCTL-INPUT", "-A HARDENCTL-INPUT -s 192.0.2.10/32 -p tcp -m tcp --dport 22")
		m.lets(t, "22/4 22/6 80/6", "22/6 80/6")
		require.Contains(t, m.do(t, 0, "journalctl --no-pager -u hardenctl-restore"), says, "IPv4: CLOSED but for administrators")
		m.do(t, 3, "systemctl is-active hardenctl-restore.service") // failed, and said so
	}
	reboot := func() {
		m.off() // as a power loss does it
		m.boot(t)
	}

	m.shutDown(t)
	m.boot(t)
	require.Contains(t, m.read(t, "/seen/sets"), "add hardenctl-ban-v4 203.0.113.9 timeout 2")
	t.Run("after Debian's loader", inForce)

	saved := m.read(t, "/etc/iptables/rules.v4")
	m.write(t, "/etc/iptables/rules.v4", testfile.ReplaceOnce(t, saved, "COMMIT", "-A INPUT --nonsense\nCOMMIT"))
	reboot()
	t.Run("a line of others that does not load", func(t *testing.T) {
		m.lets(t, everybody, everybody)
		require.Contains(t, m.do(t, 0, "journalctl --no-pager -u hardenctl-restore"), "1 line of other programs cannot be loaded at boot and was left out", "--nonsense")
		m.do(t, 3, "systemctl is-active hardenctl-restore.service") // failed, and said so
	})
	m.write(t, "/etc/iptables/rules.v4", testfile.ReplaceOnce(t, saved, "COMMIT", "-A HARDENCTL-INPUT --nonsense\nCOMMIT"))
	reboot()
	t.Run("a broken file", func(t *testing.T) { closed(t, "/etc/iptables/rules.v4 cannot be loaded") })
	m.write(t, "/etc/iptables/rules.v4", saved)

	require.NoError(t, os.Remove(m.disk+"/etc/systemd/system/multi-user.target.wants/netfilter-persistent.service"))
	m.useLegacy(t)
	reboot()
	t.Run("without another loader, by the legacy backend", inForce)

	dropLines(t, m.disk+"/etc/iptables/ipsets", "hardenctl-ban-v4")
	reboot()
	t.Run("a missing set", func(t *testing.T) { closed(t, "hardenctl-ban-v4") })
}
