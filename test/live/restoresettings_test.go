package live

import "testing"

// A setting that the kernel refuses, or does not know, is named, and keeps
// nothing else from being in force: neither the rules nor the other settings.
func TestRestoreSettings(t *testing.T) {
	bare(t, "nft")
	const path = "/etc/sysctl.d/60-hardenctl.conf"
	expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
	for _, c := range []struct {
		name, line, says string
		code             int
	}{
		{"refused", "net.ipv4.ip_default_ttl = 999", path + ": net.ipv4.ip_default_ttl: ", 1},
		{"no number", "net.ipv4.ip_default_ttl = a b", path + ": net.ipv4.ip_default_ttl: ", 1},
		{"unknown", "net.ipv4.no_such_thing = 1", "net.ipv4.no_such_thing of " + path + " is out of reach: this kernel does not have the setting", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rebooted(t)
			whole := tool(t, "cat "+path)
			edit(t, path, "net.ipv4.ip_default_ttl = 77", "net.ipv4.tcp_fin_timeout = 41\n"+c.line)
			t.Cleanup(func() {
				fed(t, whole, "tee", path)
				tool(t, "sysctl -qw net.ipv4.tcp_fin_timeout=60")
			})
			contains(t, expect(t, c.code, "restore"), c.says, "IPv4: the rules of /etc/iptables/rules.v4 are in force")
			contains(t, tool(t, "sysctl net.ipv4.tcp_fin_timeout"), "= 41")
		})
	}
}
