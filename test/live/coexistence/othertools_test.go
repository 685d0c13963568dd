package coexistence

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/savedplan"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// What lives on busy servers, with what it has counted: the chains of a
// container engine, of Kubernetes and of libvirt, and fail2ban's own table.
const (
	busyV4 = `*nat
:PREROUTING ACCEPT [21:1260]
:OUTPUT ACCEPT [3:180]
:POSTROUTING ACCEPT [5:300]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-TCOU7JCQXEZGVUNU - [0:0]
:LIBVIRT_PRT - [0:0]
[21:1260] -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
[5:300] -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
[4:240] -A POSTROUTING -j LIBVIRT_PRT
[1:60] -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
[2:120] -A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" -m udp --dport 53 -j KUBE-SVC-TCOU7JCQXEZGVUNU
[1:60] -A KUBE-SVC-TCOU7JCQXEZGVUNU -m statistic --mode random --probability 0.50000000000 -j RETURN
[3:180] -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [100:6000]
:FORWARD DROP [4:240]
:OUTPUT ACCEPT [90:5400]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:KUBE-FIREWALL - [0:0]
:LIBVIRT_FWI - [0:0]
:LIBVIRT_INP - [0:0]
[60:3600] -A INPUT -j LIBVIRT_INP
[50:3000] -A INPUT -j KUBE-FIREWALL
[9:540] -A FORWARD -j DOCKER-USER
[8:480] -A FORWARD -o docker0 -j DOCKER
[7:420] -A FORWARD -j LIBVIRT_FWI
[1:60] -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
[9:540] -A DOCKER-USER -j RETURN
[2:120] -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
[6:360] -A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[5:300] -A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`
	busyV6 = `*filter
:INPUT ACCEPT [10:800]
:FORWARD ACCEPT [2:160]
:OUTPUT ACCEPT [9:720]
:KUBE-FIREWALL - [0:0]
:LIBVIRT_FWO - [0:0]
[10:800] -A INPUT -j KUBE-FIREWALL
[1:80] -A FORWARD -j LIBVIRT_FWO
[1:80] -A LIBVIRT_FWO -s 2001:db8:122::/64 -i virbr0 -j ACCEPT
COMMIT
`
	busyNFT = `table inet f2b-table {
	set addr-set-sshd {
		type ipv4_addr
		elements = { 203.0.113.77, 203.0.113.78 }
	}
	chain f2b-chain {
		type filter hook input priority -1; policy accept;
		tcp dport 22 ip saddr @addr-set-sshd counter packets 12 bytes 720 reject
	}
}
table ip kube-proxy {
	chain filter-input {
		type filter hook input priority -110; policy accept;
		ct state new counter packets 5 bytes 300
	}
}
`
)

// neighbours are all rules that are not ours, with what they have counted.
func neighbours(t *testing.T) string {
	t.Helper()
	return stage.ForeignRules(t) + run.Tool(t, "nft list table inet f2b-table") + run.Tool(t, "nft list table ip kube-proxy")
}

// addBusyForeign puts what lives on busy servers on this one.
func addBusyForeign(t *testing.T) {
	t.Helper()
	run.WithInput(t, busyV4, "iptables-restore", "-c")
	run.WithInput(t, busyV6, "ip6tables-restore", "-c")
	run.WithInput(t, busyNFT, "nft", "-f", "-")
	t.Cleanup(func() { flushAllNFT(t) })
}

// Chains and tables of others keep their rules, their order and what they have
// counted, also when they change after the plan, and while we apply.
func TestOtherTools(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		addBusyForeign(t)
		before, saved := neighbours(t), savedplan.Save(t, "builtin:web")
		require.Contains(t, run.Expect(t, 0, "plan", "builtin:web"), "the nftables table inet f2b-table also filters packets and stays unchanged")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		same(t, before, neighbours(t))

		stage.Wipe(t)
		flushAllNFT(t)
		addBusyForeign(t)
		run.Tool(t, "iptables -I DOCKER-USER 1 -s 198.51.100.7/32 -j DROP")
		changed := neighbours(t)
		require.Contains(t, run.Expect(t, 1, "apply", "--plan", saved, "--auto-approve", "--confirm-within", "0", "--no-guard"), "the host has changed since the plan was made")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		same(t, changed, neighbours(t))
	})
}

// same fails the test at the first line in which two texts differ.
func same(t *testing.T, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			t.Errorf("others had\n%s\nand have\n%s\n(line %d)", want, got, i+1)
			return
		}
	}
}

// What others change while we apply stays: a container engine that adds and
// removes rules all the time finds each where it put it, and the rules that it
// did not touch go on counting from where they were.
func TestOtherToolsDuringAnApply(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		addBusyForeign(t)
		stop, ended := make(chan struct{}), make(chan int)
		go func() { ended <- busy(t, stop) }()
		for i := range 8 {
			run.Expect(t, 0, "apply", []string{"builtin:web", "builtin:database"}[i%2], "--auto-approve", "--confirm-within", "0", "--no-guard")
		}
		close(stop)
		n := <-ended
		if n < 8 {
			t.Errorf("only %d changes while we applied", n)
		}
		save := run.Tool(t, "iptables-save -c")
		var want strings.Builder
		for i := range n {
			fmt.Fprintf(&want, "[%d:0] -A DOCKER -s 10.9.%d.%d/32 -j ACCEPT\n", 1000+i, i/250, i%250)
		}
		require.Contains(t, save, want.String(), "[6:360] -A LIBVIRT_FWI ", "[50:3000] -A INPUT -j KUBE-FIREWALL\n")
		if strings.Contains(save, "10.8.0.1") {
			t.Error("a rule that was removed is back")
		}
	})
}

// A policy that others set between our reading and our transaction stays: a
// container engine closes FORWARD when it starts. It stays on the way back, too.
func TestPolicyDuringAnApply(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		forward := func(want string) {
			t.Helper()
			require.Contains(t, run.Tool(t, "iptables -S FORWARD"), "-P FORWARD "+want+"\n")
		}
		apply := []string{"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"}
		inject.BreakNamed(t, "iptables-restore", "iptables -w 20 -P FORWARD DROP")
		run.Expect(t, 0, apply...)
		forward("DROP")

		apply[1] = webserver.Variant(t)
		inject.BreakNamed(t, "iptables-restore", "iptables -w 20 -P FORWARD ACCEPT")
		inject.BreakNamed(t, "ip6tables-restore", "exit 1")
		run.Expect(t, 3, apply...)
		forward("ACCEPT")
	})
}

// busy adds a rule that stays and removes another, again and again, and returns
// how often it did.
func busy(t *testing.T, stop chan struct{}) (n int) {
	for ; ; n++ {
		select {
		case <-stop:
			return n
		case <-time.After(20 * time.Millisecond):
		}
		for _, line := range []string{
			"-A FORWARD -s 10.8.0.1 -j DROP",
			fmt.Sprintf("-A DOCKER -s 10.9.%d.%d -j ACCEPT -c %d 0", n/250, n%250, 1000+n),
			"-D FORWARD -s 10.8.0.1 -j DROP",
		} {
			if out, err := exec.Command("iptables", append([]string{"-w", "30"}, strings.Fields(line)...)...).CombinedOutput(); err != nil {
				t.Errorf("iptables %s: %v: %s", line, err, out)
				return n
			}
		}
	}
}
