// Package traffic is what hosts send to the server: connections, sessions, single
// packets, scans and floods, and how the server answers.
package traffic

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// Echoes sends echo requests and returns how many were answered.
func Echoes(t *testing.T, from *lab.Host, server string, requests int, pause string) int {
	t.Helper()
	out, _ := from.Command(context.Background(), "ping", "-q", "-W", "5", "-c", fmt.Sprint(requests), "-i", pause, server).CombinedOutput()
	found := regexp.MustCompile(`(\d+) received`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("ping says\n%s", out)
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

// Packets is how many packets went from a chain to another.
func Packets(t *testing.T, family int, chain, target string) int {
	t.Helper()
	command := "iptables"
	if family == 6 {
		command = "ip6tables"
	}
	sum, leads := 0, false
	for line := range strings.Lines(run.Tool(t, command+" -w -vxnL "+chain)) {
		if words := strings.Fields(line); len(words) > 2 && words[2] == target {
			n, err := strconv.Atoi(words[0])
			require.NoError(t, err)
			sum, leads = sum+n, true
		}
	}
	if !leads {
		t.Fatalf("%s does not lead to %s", chain, target)
	}
	return sum
}
