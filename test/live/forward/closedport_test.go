package forward

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// unserving is a gateway that states ports, its own and forwarded ones, at which no
// program listens.
const unserving = `version = 1
include = ["builtin:gateway"]

[services.web]
ports = ["tcp/81", "udp/443", "tcp/8083", "udp/5455"]
`

// A stated port at which no program listens says nothing, here and behind a DNAT. Who
// is on this host or on the inside is refused at once, and so is who meets the REJECT
// of others. A client that came too early gets in when the program is there.
func TestStatedPortWithoutProgram(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		forwarding.AddInside(t)
		forwarding.ForwardPorts(t)
		narrow(t)
		for _, f := range traffic.Families {
			to := net.JoinHostPort(forwarding.Inner[f.V6], "")
			run.Tool(t, iptablesOf(f)+" -t nat -A PREROUTING -i eth0 -p tcp --dport 8083 -j DNAT --to-destination "+to+"83")
			run.Tool(t, iptablesOf(f)+" -t nat -A PREROUTING -i eth0 -p udp --dport 5455 -j DNAT --to-destination "+to+"5455")
		}
		each := func(name string, want prober.State) {
			t.Helper()
			traffic.OnFamilies(t, name, func(t *testing.T, f traffic.Family) {
				for _, e := range unserved(f) {
					for port, state := range e.states(t, outside, f) {
						if state != want {
							t.Errorf("%s %d: %v, want %v", e.name, port, state, want)
						}
					}
				}
			})
		}
		each("bare", prober.Closed)
		path := testfile.Write(t, "gateway.toml", unserving)
		run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		each("silent", prober.Silent)
		traffic.OnFamilies(t, "inside", func(t *testing.T, f traffic.Family) {
			gateway := map[bool]string{false: "10.9.0.1", true: "fd00:9::1"}[f.V6]
			for _, dial := range [][]string{
				{"ip", "netns", "exec", "inner", forwarding.Greeter(t), "dial", net.JoinHostPort(gateway, "81")},
				{forwarding.Greeter(t), "dial", net.JoinHostPort(f.Server, "81")},
			} {
				if out, _ := run.Outcome(t, exec.CommandContext(t.Context(), dial[0], dial[1:]...)); !strings.Contains(out, "refused") {
					t.Errorf("%q: %q, want a refusal", dial, out)
				}
			}
		})
		startsLate(t, outside)
		for _, f := range traffic.Families {
			run.Tool(t, iptablesOf(f)+" -I INPUT -p tcp --dport 81 -j REJECT --reject-with tcp-reset")
			run.Tool(t, iptablesOf(f)+" -I INPUT -p udp --dport 443 -j REJECT")
			for _, e := range unserved(f) {
				e.packet.Payload = 1 // from another port: a connection of its own
				for port, state := range e.states(t, outside, f) {
					if local := port < 1000; local && state != prober.Closed {
						t.Errorf("%s %d with the REJECT of others: %v", e.name, port, state)
					}
				}
			}
		}
	})
}

// unserved are the ports of the profile at which no program listens.
func unserved(f traffic.Family) []icmpProbe {
	return []icmpProbe{
		{"tcp", f.Server, []uint16{81, 8083}, prober.Packet{Flags: prober.SYN}},
		{"udp", f.Server, []uint16{443, 5455}, prober.Packet{UDP: true}},
	}
}

// startsLate has a client ask before the program listens.
func startsLate(t *testing.T, client *lab.Host) {
	t.Helper()
	got := make(chan error, 1)
	go func() {
		c, err := client.Dial("tcp", net.JoinHostPort(lab.ServerV4, "81"), lab.Patience)
		if err == nil {
			c.Close()
		}
		got <- err
	}()
	lab.Await(t, "the client's first packet", func() bool { return traffic.Packets(t, 4, "HARDENCTL-UNSERVED", "DROP") > 0 })
	lab.Serve(t, "tcp", 81)
	if err := <-got; err != nil {
		t.Errorf("a client that came before the program: %v", err)
	}
}
