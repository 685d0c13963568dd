package live

import (
	"os"
	"testing"
)

// A host of whose files none is left, or can be read, is closed at boot, and the
// generation that was applied last says who gets in. What another loader has put
// in force stays.
func TestRestoreWithoutFiles(t *testing.T) {
	bare(t, "nft")
	w := newWays(t)
	expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")

	rebooted(t)
	mayWrite := func(mode os.FileMode) {
		must(t, os.Chmod("/etc/iptables", mode))
		must(t, os.Chmod("/etc/hardenctl", mode))
	}
	mayWrite(0o775)
	contains(t, expect(t, 1, "restore"), "/etc/iptables may be written by others", "rules.v6, which hardenctl has saved here, is gone or cannot be read: IPv6 is CLOSED")
	w.are(t, "ssh4 ssh6", "")
	mayWrite(0o755)

	rebooted(t)
	must(t, os.RemoveAll("/etc/iptables"))
	must(t, os.RemoveAll("/etc/hardenctl"))
	tool(t, "ip6tables -A INPUT -p tcp --dport 5432 -j REJECT")
	contains(t, expect(t, 1, "restore"), "rules.v4, which hardenctl has saved here, is gone", "IPv4 is CLOSED", "hardenctl rollback N")
	w.are(t, "ssh4 ssh6 web6", "ssh6 web6")
	expect(t, 0, "rollback", "1", "--auto-approve", "--confirm-within", "0", "--no-guard")
	w.are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")
}
