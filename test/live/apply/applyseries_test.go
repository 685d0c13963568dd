package apply

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// Two hundred applies in a row, the first on a bare host, and each as people
// apply: at once, on trial and confirmed, on trial and undone, on trial until
// the time is over, and back to the generation before. They are nothing that a
// customer notices, or that a packet which neither profile lets in gets through.
func TestTwoHundredAppliesNFT(t *testing.T) { seriesOfApplies(t, "nft") }

func TestTwoHundredAppliesLegacy(t *testing.T) { seriesOfApplies(t, "legacy") }

func seriesOfApplies(t *testing.T, backend string) {
	const applies = 200
	stage.Bare(t, backend)
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	lab.Serve(t, "tcp", 80)
	hidden := lab.Serve(t, "udp", 9999)
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	ctx, stop := context.WithCancel(t.Context())
	var streams []*traffic.Stream
	called := make(chan dialled)
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		streams = append(streams, traffic.OpenStream(t, client, server))
		go func() { called <- callOn(ctx, client, server) }()
	}
	s := series{profiles: []string{webserver.Variant(t), webserver.Variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`, "10\nwindow", "12\nwindow")}}

	pouring := pourInto(t, client, "9999")
	s.confirms(t) // the first rules that this host has
	s.replaces(t) // a rollback has rules to return to, wherever the slice begins
	pouring.end()
	before := settled(t, hidden, "9999")
	pouring = pourInto(t, client, "9999") // flows that no rule has accepted
	slice := suite.NewSlice(t, applies, 1)
	for i := range slice.Numbers() {
		round[i%len(round)](&s, t)
		if i%64 == 32 {
			s.runsOut(t)
		}
	}
	poured := pouring.end()
	stop()
	for _, stream := range streams {
		stream.End(t)
	}
	for range streams {
		if c := <-called; c.failed != nil || c.made < slice.Done {
			t.Errorf("of %d connections one failed: %v", c.made, c.failed)
		}
	}
	if got := settled(t, hidden, "9999") - 1; before == 0 || got != before || poured == 0 {
		t.Errorf("of %d packets %d got in; %d before the first rules", poured, got-before, before)
	}
	run.Expect(t, 0, "plan", s.profiles[s.now], "--detailed-exitcode")
}

// series are applies one after the other, forth and back between two profiles.
type series struct {
	profiles []string
	// now is the profile that the host has.
	now int
}

// round are the ways in which people apply, as often as there is time for.
var round = []func(*series, *testing.T){
	(*series).replaces, (*series).reverts, (*series).reverts, (*series).confirms,
	(*series).reverts, (*series).rollsBack, (*series).reverts, (*series).reverts,
}

// next is the profile that the host has not.
func (s *series) next() string { return s.profiles[1-s.now] }

func (s *series) replaces(t *testing.T) {
	t.Helper()
	run.Expect(t, 0, "apply", s.next(), "--auto-approve", "--no-guard", "--confirm-within", "0")
	s.now = 1 - s.now
}

func (s *series) confirms(t *testing.T) {
	t.Helper()
	token, _ := trials.TryOut(t, s.next(), "5m")
	run.ExpectAs(t, run.Confirming, 0, "confirm", token)
	s.now = 1 - s.now
}

func (s *series) reverts(t *testing.T) {
	t.Helper()
	trials.TryOut(t, s.next(), "5m")
	run.Expect(t, 0, "revert")
}

// rollsBack goes to the generation before, which has the other profile.
func (s *series) rollsBack(t *testing.T) {
	t.Helper()
	run.Expect(t, 0, "rollback", "--auto-approve", "--no-guard", "--confirm-within", "0")
	live, _ := stage.Generations.LastRollback()
	require.NoError(t, stage.Generations.Accept(live.Number))
	s.now = 1 - s.now
}

func (s *series) runsOut(t *testing.T) {
	t.Helper()
	trials.TryOut(t, s.next(), "10m")
	trials.MoveDeadline(t, 0)
	trials.Ended(t)
}

// pouring are flows of datagrams, one over each family.
type pouring struct {
	stop context.CancelFunc
	sent chan int
}

// pourInto sends datagrams to a port of the server until the end.
func pourInto(t *testing.T, from *lab.Host, port string) pouring {
	ctx, stop := context.WithCancel(t.Context())
	p := pouring{stop, make(chan int)}
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		go func() { p.sent <- pour(ctx, from, net.JoinHostPort(server, port)) }()
	}
	return p
}

// end stops, and returns how many datagrams were sent.
func (p pouring) end() int {
	p.stop()
	return <-p.sent + <-p.sent
}

// settled is how many datagrams have arrived, when no more do: one of the test's
// own, over loopback, comes last, and is answered when the service has read those
// before it.
func settled(t *testing.T, at *lab.Service, port string) (n int) {
	t.Helper()
	lab.Drain()
	c, err := net.Dial("udp4", "127.0.0.1:"+port)
	require.NoError(t, err)
	defer c.Close()
	lab.Await(t, "the answer to the last datagram", func() bool {
		_, err := c.Write([]byte("x")) // which is lost where the service has many to read
		require.NoError(t, err)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err = c.Read(make([]byte, 1))
		return err == nil
	})
	return at.Count() - 1
}

// dialled are connections made one after the other, until one failed.
type dialled struct {
	made   int
	failed error
}

// callOn connects to port 80 again and again.
func callOn(ctx context.Context, from *lab.Host, server string) (c dialled) {
	for ; ctx.Err() == nil; time.Sleep(traffic.Tick) {
		c.made++
		if err := traffic.Connect(from, server, 80); err != nil {
			c.failed = fmt.Errorf("connection %d: %w", c.made, err)
			return c
		}
	}
	return c
}
