package nics

import (
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// Interfaces that come and go, as those of containers do, are not a reason for an
// apply to fail, nor for one that fails to be stuck on its way back.
func TestInterfacesComeAndGo(t *testing.T) {
	stage.Bare(t, "nft")
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go churn(stop, stopped)
	defer func() { close(stop); <-stopped }()
	for range 12 {
		run.Tool(t, "sysctl -qw net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.log_martians=0 net.ipv4.conf.default.send_redirects=1")
		run.Tool(t, "iptables -A HARDENCTL-INPUT -j ACCEPT")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	}
	t.Run("back", func(t *testing.T) {
		inject.BreakTool("echo not today >&2; exit 1")(t)
		for range 4 {
			run.Tool(t, "sysctl -qw net.ipv4.conf.default.rp_filter=0")
			run.Tool(t, "ip6tables -A HARDENCTL-INPUT -j ACCEPT")
			out, code := run.Outcome(t, exec.Command(run.Binary(t), "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"))
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
