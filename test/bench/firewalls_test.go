package bench

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// unpacked is where `make bench` unpacks the firewalls of others.
const unpacked = "../../bin/firewalls"

// unpack shows the lab the files of ufw and firewalld as if they were
// installed, as their packages ship them. Only the lab sees them.
func unpack(b *testing.B) {
	lab.Require(b)
	run(b, "rm", "-rf", "/etc/ufw", "/etc/firewalld")
	lab.ShowPackages(b, unpacked, "lib/ufw/ufw-init")
	// What the package's postinst does.
	run(b, "sh", "-c", "cp /usr/share/ufw/iptables/*.rules /usr/share/ufw/*.init /usr/share/ufw/ufw.conf /etc/ufw/ && chmod 640 /etc/ufw/*.rules")
}

// conntrack is the least that a stateful firewall does.
func (s *street) conntrack(h *lab.Host) {
	const rules = `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j ACCEPT
COMMIT
`
	for _, restore := range []string{"iptables-restore", "ip6tables-restore"} {
		s.fed(h, rules, restore)
	}
}

// ufw is switched on as its manual says, with the services of our profile.
func (s *street) ufw(h *lab.Host) {
	for _, service := range []string{"22/tcp", "80/tcp", "443"} {
		s.on(h, "ufw", "allow", service)
	}
	s.on(h, "ufw", "--force", "enable")
}

// firewalld runs until its rules are loaded. It is killed then, since it would
// take them with it; it does not delay packets.
func (s *street) firewalld(h *lab.Host, backend string) {
	if backend == "legacy" {
		run(s.b, "sed", "-i", "s/^FirewallBackend=.*/FirewallBackend=iptables/", "/etc/firewalld/firewalld.conf")
	}
	for _, service := range []string{"http", "https", "http3"} {
		s.on(h, "firewall-offline-cmd", "--add-service="+service)
	}
	run(s.b, "mkdir", "-p", "/run/dbus")
	bus := h.Command(context.Background(), "dbus-daemon", "--system", "--nofork", "--nopidfile")
	daemon := h.Command(context.Background(), "firewalld", "--nofork", "--nopid")
	if err := bus.Start(); err != nil {
		s.b.Fatal(err)
	}
	defer bus.Wait()
	defer bus.Process.Kill()
	time.Sleep(200 * time.Millisecond)
	if err := daemon.Start(); err != nil {
		s.b.Fatal(err)
	}
	defer daemon.Wait()
	defer daemon.Process.Kill()
	s.awaitFirewalld(h)
}

// awaitFirewalld waits for an answer: firewalld loads its rules before it
// listens. firewall-cmd would ask polkit, which need not be here.
func (s *street) awaitFirewalld(h *lab.Host) {
	var words []byte
	for range 100 {
		ping := h.Command(context.Background(), "dbus-send", "--system", "--print-reply",
			"--dest=org.fedoraproject.FirewallD1", "/", "org.freedesktop.DBus.Peer.Ping")
		var err error
		if words, err = ping.CombinedOutput(); err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.b.Fatalf("firewalld does not answer: %s", words)
}

// hardened loads a profile's bundle, and of its settings those of the server's
// own namespace.
func (s *street) hardened(h *lab.Host, profile string) { s.hardenedBy(hardenctl(s.b), h, profile) }

// hardenedBy is hardened by a hardenctl of another version.
func (s *street) hardenedBy(program string, h *lab.Host, profile string) {
	out := s.b.TempDir()
	run(s.b, program, "compile", profile, "-o", out)
	s.fed(h, text(s.b, out, "ipsets"), "ipset", "restore")
	s.fed(h, text(s.b, out, "rules.v4"), "iptables-restore")
	s.fed(h, text(s.b, out, "rules.v6"), "ip6tables-restore")
	for line := range strings.Lines(text(s.b, out, "sysctl.conf")) {
		key, value, _ := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); strings.HasPrefix(key, "net.ipv4.") || strings.HasPrefix(key, "net.netfilter.nf_conntrack_tcp_") {
			s.on(h, "sysctl", "-q", "-w", key+"="+strings.TrimSpace(value))
		}
	}
}

func text(b *testing.B, folder, file string) string {
	content, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		b.Fatal(err)
	}
	return string(content)
}
