package limits

import (
	"fmt"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// groups are three services for one port, each with a limit of its own; %t is for
// the proxy. The office is part of the agency's network, and stated before it.
const groups = `version = 1
include = ["builtin:base"]
[services.web]
ports = ["tcp/443"]
connections_per_source = 3
synproxy = %[1]t
[services.office]
ports = ["tcp/443"]
from = ["192.0.2.20", "2001:db8:20::/48"]
synproxy = %[1]t
[services.agency]
ports = ["tcp/443"]
from = ["192.0.2.0/26", "2001:db8::/40"]
connections_per_source = 6
synproxy = %[1]t
`

// TestOnePortForSeveralGroups holds that each source has the limit of the first
// group that it is in, also where the proxy hands its connections on.
func TestOnePortForSeveralGroups(t *testing.T) {
	stage.Bare(t, "nft")
	network := lab.NewNetwork(t)
	lab.Serve(t, "tcp", 443)
	clients := []struct {
		host *lab.Host
		most int
	}{
		{network.Host("office", "192.0.2.20/24", "2001:db8:20::7"), 10},
		{network.Host("agency", "192.0.2.30/24", "2001:db8:30::7"), 6},
		{network.Host("unlisted", "192.0.2.90/24", "2001:db9:90::7"), 3},
	}
	for _, proxy := range []bool{false, true} {
		run.Expect(t, 0, "apply", testfile.Write(t, "groups.toml", fmt.Sprintf(groups, proxy)), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, p := range clients {
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				if got := atOnce(p.host, "tcp", server, 10); got != p.most {
					t.Errorf("%s -> %s, proxy %t: %d of 10 connections, want %d", p.host.V4(), server, proxy, got, p.most)
				}
			}
		}
	}
}
