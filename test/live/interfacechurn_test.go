package live

import (
	"os/exec"
	"testing"
)

// Interfaces that come and go, as those of containers do, are not a reason for an
// apply to fail, nor for one that fails to be stuck on its way back.
func TestInterfacesComeAndGo(t *testing.T) {
	bare(t, "nft")
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go churn(stop, stopped)
	defer func() { close(stop); <-stopped }()
	for range 12 {
		tool(t, "sysctl -qw net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.log_martians=0 net.ipv4.conf.default.send_redirects=1")
		tool(t, "iptables -A HARDENCTL-INPUT -j ACCEPT")
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	}
	t.Run("back", func(t *testing.T) {
		breakTool("echo not today >&2; exit 1")(t)
		for range 4 {
			tool(t, "sysctl -qw net.ipv4.conf.default.rp_filter=0")
			tool(t, "ip6tables -A HARDENCTL-INPUT -j ACCEPT")
			out, code := outcome(t, exec.Command(binary(t), "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"))
			if code != 0 && code != 3 {
				t.Errorf("exit %d: %s", code, out)
			}
		}
	})
}

// churn makes and removes pairs of interfaces until it is told to stop.
func churn(stop, stopped chan struct{}) {
	defer close(stopped)
	for {
		exec.Command("ip", "link", "add", "vethlab0", "type", "veth", "peer", "name", "vethlab1").Run()
		exec.Command("ip", "link", "del", "vethlab0").Run()
		select {
		case <-stop:
			return
		default:
		}
	}
}
