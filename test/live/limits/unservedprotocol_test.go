package limits

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// unserved states protocols and ports at which no program listens.
const unserved = `version = 1
include = ["builtin:web"]
[access]
admin = ["192.0.2.33", "2001:db8::33"]
[services.tunnels]
protocols = ["vrrp", "esp", "gre", "ospf", 253]
[services.diameter]
ports = ["sctp/3868", "udplite/3868"]
`

// A stated protocol without a program says nothing, as a stated port does. Nor does a
// port of UDP-Lite, which conntrack knows nothing about. Admin addresses hear the error.
func TestStatedProtocolWithoutProgram(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		stranger, admin := network.Host("stranger", "192.0.2.32/24", "2001:db8::32/64"), network.Host("admin", "192.0.2.33/24", "2001:db8::33/64")
		unlimitedErrors(t)
		if heard := unreachables(t, stranger); len(heard) != len(unservedProtocols) {
			t.Errorf("bare: errors about %v, want one about each", heard)
		}
		run.Expect(t, 0, "apply", testfile.Write(t, "unserved.toml", unserved), "--auto-approve", "--no-guard", "--confirm-within", "0")
		if heard := unreachables(t, stranger); len(heard) > 0 {
			t.Errorf("errors about %v", heard)
		}
		if heard := unreachables(t, admin); len(heard) == 0 {
			t.Error("an admin address hears no error")
		}
	})
}

// unlimitedErrors has the kernel send ICMP errors as often as it has one to send.
func unlimitedErrors(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/proc/sys/net/ipv4/icmp_ratelimit", "/proc/sys/net/ipv6/icmp/ratelimit"} {
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte("0"), 0))
		t.Cleanup(func() { require.NoError(t, os.WriteFile(path, old, 0)) })
	}
}

// unservedProtocols are the protocols above by number, with a name for each.
var unservedProtocols = map[string]int{"vrrp": 112, "esp": 50, "gre": 47, "ospf": 89, "253": 253, "sctp": sctpProtocol, "udplite": udpLiteProtocol}

// unreachables sends a packet of each protocol and returns those about which an error
// came back, over IPv4 or IPv6.
func unreachables(t *testing.T, from *lab.Host) (heard []string) {
	t.Helper()
	for name, number := range unservedProtocols {
		before := icmpErrors(t, from)
		for _, own := range traffic.Addresses(from) {
			to := netip.MustParseAddr(lab.ServerV4)
			if own.Is6() {
				to = netip.MustParseAddr(lab.ServerV6)
			}
			segment := make([]byte, 32)
			switch number {
			case sctpProtocol:
				segment = sctpInit(3868)
			case udpLiteProtocol:
				segment = udpLite(3868, own, to)
			}
			sends(t, from, number, to, segment)
		}
		if icmpErrors(t, from) != before {
			heard = append(heard, name)
		}
	}
	return heard
}

// icmpErrors is what a host's kernel has counted of ICMP errors that came.
func icmpErrors(t *testing.T, h *lab.Host) string {
	t.Helper()
	text, err := h.Command(context.Background(), "grep", "-hE", "^Icmp:|^Icmp6In(DestUnreachs|ParmProblems)", "/proc/net/snmp", "/proc/net/snmp6").Output()
	require.NoError(t, err)
	var kept []string
	names, values, _ := strings.Cut(string(text), "\n")
	for i, name := range strings.Fields(names) {
		if name == "InDestUnreachs" {
			kept = append(kept, strings.Fields(values)[i])
		}
	}
	for line := range strings.Lines(values) {
		if strings.HasPrefix(line, "Icmp6") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, " ")
}
