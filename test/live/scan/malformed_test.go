package scan

import (
	"context"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// The kernel answers a packet with a bad IP option before INPUT sees it. A
// stealthy host keeps the answer to itself; the same packet shows that a host
// without a firewall is there.
func TestMalformedPacketGetsNoAnswer(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		scanner := lab.NewNetwork(t).Host("scanner", "192.0.2.66/24")
		poke := func() {
			// A record route option whose pointer is before its first slot.
			lab.Nmap(t, scanner, "-sS", "-p", "81", "--max-retries", "1", "--ip-options", `\x07\x07\x01\x00\x00\x00\x00\x00`, lab.ServerV4)
		}
		poke()
		open := complaints(t, scanner)
		if open == "0" {
			t.Fatal("an open host did not complain, so that this test shows nothing")
		}
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		poke()
		if now := complaints(t, scanner); now != open {
			t.Errorf("the scanner had %s complaints before, and has %s", open, now)
		}
	})
}

// complaints returns how many ICMP parameter problems a host has received.
func complaints(t *testing.T, h *lab.Host) string {
	t.Helper()
	text, err := h.Command(context.Background(), "grep", "^Icmp:", "/proc/net/snmp").Output()
	require.NoError(t, err)
	names, values, _ := strings.Cut(string(text), "\n")
	for i, name := range strings.Fields(names) {
		if name == "InParmProbs" {
			return strings.Fields(values)[i]
		}
	}
	t.Fatal("the kernel does not count parameter problems")
	return ""
}
