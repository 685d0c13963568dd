package knock

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// The client opens the door in both families, without any rights, by one
// packet for each knock.
func TestKnockClient(t *testing.T) {
	h := knocking.NewNetwork(t, "nft", knocking.Profile)
	stage.NameAddresses(t, "door.test", lab.ServerV4, lab.ServerV6)
	profile := testfile.Write(t, "doors.toml", knocking.Profile)
	visitor := h.Network.Host("visitor", "203.0.113.200", "2001:db8:200::1")
	four, six := knocking.Knocker{Host: visitor, Server: lab.ServerV4}, knocking.Knocker{Host: visitor, Server: lab.ServerV6}

	out := four.Runs(t, "setpriv", "--bounding-set=-all", "--inh-caps=-all",
		run.Binary(t), "knock", "door.test", "--profile", profile, "--name", "front-door")
	require.Contains(t, out, lab.ServerV4, lab.ServerV6, "tcp/7000, udp/8000, tcp/6000", "ssh (tcp/22, tcp/2222)", "for 2m", "ssh door.test")
	for _, family := range []int{4, 6} {
		for knock := 1; knock <= 3; knock++ {
			if n := traffic.Packets(t, family, "HARDENCTL-K-FRONT-DOOR", fmt.Sprintf("HARDENCTL-%d-FRONT-DOOR", knock)); n != 1 {
				t.Errorf("IPv%d: knock %d was sent %d times", family, knock, n)
			}
		}
	}
	four.ReachesOnly(t, 22)
	six.ReachesOnly(t, 22)
}

// Ports may be given instead, and one family chosen.
func TestKnockPorts(t *testing.T) {
	h := knocking.NewNetwork(t, "legacy", knocking.Profile)
	stage.NameAddresses(t, "door.test", lab.ServerV4, lab.ServerV6)
	visitor := h.Network.Host("visitor", "203.0.113.201", "2001:db8:201::1")
	four, six := knocking.Knocker{Host: visitor, Server: lab.ServerV4}, knocking.Knocker{Host: visitor, Server: lab.ServerV6}

	text := six.Runs(t, run.Binary(t), "knock", "door.test", "-6", "--ports", "udp/3001,tcp/3000,udp/3001,udp/3002", "--delay", "200ms", "--json")
	var done struct {
		Host                string
		Addresses, Sequence []string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &done))
	if done.Host != "door.test" || !slices.Equal(done.Addresses, []string{lab.ServerV6}) || !slices.Equal(done.Sequence, knocking.Back) {
		t.Errorf("%+v", done)
	}
	six.ReachesOnly(t, 5432, 8080)
	four.ReachesOnly(t)
	four.Runs(t, run.Binary(t), "knock", lab.ServerV4, "--ports", "udp/3001,tcp/3000,udp/3001,udp/3002")
	four.ReachesOnly(t, 5432, 8080)
}

// A knock that the network does not carry is an error; a family that it does
// not carry is none beside one that it does.
func TestKnockUnreachable(t *testing.T) {
	h := knocking.NewNetwork(t, "nft", knocking.Profile)
	stage.NameAddresses(t, "door.test", lab.ServerV4, lab.ServerV6)
	visitor := knocking.Knocker{Host: h.Network.Host("visitor", "203.0.113.202"), Server: lab.ServerV4} // without IPv6
	out := visitor.Runs(t, run.Binary(t), "knock", "door.test", "--ports", "tcp/7000,udp/8000,tcp/6000")
	require.Contains(t, out, "Sent the knocks to "+lab.ServerV4+":", "unreachable")
	visitor.ReachesOnly(t, 22)
	cmd := visitor.Command(t.Context(), run.Binary(t), "knock", lab.ServerV6, "--ports", "tcp/7000,udp/8000")
	said, code := run.Outcome(t, cmd)
	require.Contains(t, said, "knock 1 of 2, tcp/7000 at "+lab.ServerV6)
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
}
