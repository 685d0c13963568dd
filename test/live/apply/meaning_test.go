package apply

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// The plan says who loses access by it, also by a rule of others: with that rule, with the
// program that loses the client, and with an example. Each example of a first TCP segment
// that it names is answered before the apply and after it as the plan says.
func TestPlanSaysWhoLosesAccess(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for _, rule := range []string{
			"-i lo -j ACCEPT", "-s 203.0.113.5 -p tcp --dport 9100 -j ACCEPT", "-p tcp --dport 22 -j ACCEPT", "-p icmp -j ACCEPT", "-j DROP",
		} {
			run.Tool(t, "iptables -A INPUT "+rule)
		}
		for _, port := range []string{"80", "443", "9100"} { // the profile is silent where nothing listens
			served, err := net.Listen("tcp", ":"+port)
			require.NoError(t, err)
			defer served.Close()
		}

		require.Contains(t, run.Expect(t, 0, "plan", "builtin:web"), "What changes for packets\n", "no longer accepted\n",
			"    tcp/9100 from 203.0.113.5\n", "      before:  ACCEPT, rule 2 of INPUT (table filter): -s 203.0.113.5/32 -p tcp -m tcp --dport 9100 -j ACCEPT\n",
			"Programs that lose clients\n", "    tcp/9100 (apply.test): not reachable any more from 203.0.113.5, over IPv4\n")
		m := run.Planned(t, "builtin:web").Meaning
		for _, loss := range []meaning.Loss{
			{Family: 4, Port: "tcp/9100", Program: "apply.test", Sources: "203.0.113.5"}, {Family: 6, Port: "tcp/9100", Program: "apply.test", Sources: "everyone"},
		} {
			if !slices.Contains(m.Listeners, loss) {
				t.Errorf("no %+v in %+v", loss, m.Listeners)
			}
		}
		examples := segments(t, m.Differences)
		send(t, examples, func(d answer.DifferenceView) string { return d.Before.Verdict })
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		send(t, examples, func(d answer.DifferenceView) string { return d.After.Verdict })
		run.Expect(t, 0, "diff", "1", "builtin:web")
		if m := run.Planned(t, "builtin:web").Meaning; len(m.Differences) > 0 {
			t.Errorf("after the apply there are differences: %+v", m)
		}
	})
}

// example is a first segment of a connection to the server that a plan names.
type example struct {
	answer.DifferenceView
	segment lab.Segment
	from    *lab.Host
}

// segments are the examples of first TCP segments to this host, each with a host that has
// its source address. Those that will be accepted come first, since the others can lead to
// a ban.
func segments(t *testing.T, all []answer.DifferenceView) (examples []example) {
	network := lab.NewNetwork(t)
	hosts := map[string]*lab.Host{}
	for _, d := range all {
		p, err := exact.ParsePacket(d.Example)
		require.NoError(t, err)
		if d.Hook != "INPUT" || !d.First || !d.Usual || !strings.HasPrefix(d.Example, "tcp ") || d.Destinations != "everyone" {
			continue
		}
		from := p.Source.String()
		if hosts[from] == nil {
			hosts[from] = network.Host("host"+string(rune('a'+len(hosts))), from)
		}
		examples = append(examples, example{d, traffic.SYN(p.Source, int(p.Values[exact.DestinationPort])), hosts[from]})
	}
	slices.SortStableFunc(examples, func(a, b example) int { return strings.Compare(a.After.Verdict, b.After.Verdict) })
	if len(examples) < 3 {
		t.Fatalf("only %d examples in %+v", len(examples), all)
	}
	return examples
}

// send sends examples, and compares what becomes of them with what a plan says.
func send(t *testing.T, examples []example, says func(answer.DifferenceView) string) {
	t.Helper()
	for _, e := range examples {
		patience := traffic.Silence
		if says(e.DifferenceView) == "accept" {
			patience = 5 * time.Second
		}
		flags, err := e.from.Answered(patience, e.segment)
		require.NoError(t, err)
		if accepted := flags[0] != 0; accepted != (says(e.DifferenceView) == "accept") {
			t.Errorf("%s: answered %v, and the plan says %s", e.Example, accepted, says(e.DifferenceView))
		}
	}
}
