package live

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// The client opens the door in both families, without any rights, by one
// packet for each knock.
func TestKnockClient(t *testing.T) {
	h := newKnockNetwork(t, "nft", doors)
	named(t, "door.test", lab.ServerV4, lab.ServerV6)
	profile := write(t, "doors.toml", doors)
	visitor := h.network.Host("visitor", "203.0.113.200", "2001:db8:200::1")
	four, six := knocker{visitor, lab.ServerV4}, knocker{visitor, lab.ServerV6}

	out := four.runs(t, "setpriv", "--bounding-set=-all", "--inh-caps=-all",
		binary(t), "knock", "door.test", "--profile", profile, "--name", "front-door")
	contains(t, out, lab.ServerV4, lab.ServerV6, "tcp/7000, udp/8000, tcp/6000", "ssh (tcp/22, tcp/2222)", "for 2m", "ssh door.test")
	for _, family := range []int{4, 6} {
		for knock := 1; knock <= 3; knock++ {
			if n := packets(t, family, "HARDENCTL-K-FRONT-DOOR", fmt.Sprintf("HARDENCTL-%d-FRONT-DOOR", knock)); n != 1 {
				t.Errorf("IPv%d: knock %d was sent %d times", family, knock, n)
			}
		}
	}
	four.reachesOnly(t, 22)
	six.reachesOnly(t, 22)
}

// Ports may be given instead, and one family chosen.
func TestKnockPorts(t *testing.T) {
	h := newKnockNetwork(t, "legacy", doors)
	named(t, "door.test", lab.ServerV4, lab.ServerV6)
	visitor := h.network.Host("visitor", "203.0.113.201", "2001:db8:201::1")
	four, six := knocker{visitor, lab.ServerV4}, knocker{visitor, lab.ServerV6}

	text := six.runs(t, binary(t), "knock", "door.test", "-6", "--ports", "udp/3001,tcp/3000,udp/3001,udp/3002", "--delay", "200ms", "--json")
	var done struct {
		Host                string
		Addresses, Sequence []string
	}
	must(t, json.Unmarshal([]byte(text), &done))
	if done.Host != "door.test" || !slices.Equal(done.Addresses, []string{lab.ServerV6}) || !slices.Equal(done.Sequence, back) {
		t.Errorf("%+v", done)
	}
	six.reachesOnly(t, 5432, 8080)
	four.reachesOnly(t)
	four.runs(t, binary(t), "knock", lab.ServerV4, "--ports", "udp/3001,tcp/3000,udp/3001,udp/3002")
	four.reachesOnly(t, 5432, 8080)
}

// A knock that the network does not carry is an error; a family that it does
// not carry is none beside one that it does.
func TestKnockUnreachable(t *testing.T) {
	h := newKnockNetwork(t, "nft", doors)
	named(t, "door.test", lab.ServerV4, lab.ServerV6)
	visitor := knocker{h.network.Host("visitor", "203.0.113.202"), lab.ServerV4} // without IPv6
	out := visitor.runs(t, binary(t), "knock", "door.test", "--ports", "tcp/7000,udp/8000,tcp/6000")
	contains(t, out, "Sent the knocks to "+lab.ServerV4+":", "unreachable")
	visitor.reachesOnly(t, 22)
	cmd := visitor.Command(t.Context(), binary(t), "knock", lab.ServerV6, "--ports", "tcp/7000,udp/8000")
	said, code := outcome(t, cmd)
	contains(t, said, "knock 1 of 2, tcp/7000 at "+lab.ServerV6)
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
}

// named gives addresses a name in the lab, until the end of the test.
func named(t *testing.T, name string, addresses ...string) {
	t.Helper()
	before, err := os.ReadFile("/etc/hosts")
	must(t, err)
	text := string(before)
	for _, a := range addresses {
		text += "\n" + a + " " + name
	}
	must(t, os.WriteFile("/etc/hosts", []byte(text+"\n"), 0o644))
	t.Cleanup(func() { must(t, os.WriteFile("/etc/hosts", before, 0o644)) })
}
