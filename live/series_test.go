package live

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"hardenctl/lab"
)

// Two hundred applies in a row are nothing that a customer notices, or that a
// packet which neither profile lets in gets through.
func TestTwoHundredAppliesNFT(t *testing.T)    { seriesOfApplies(t, "nft") }
func TestTwoHundredAppliesLegacy(t *testing.T) { seriesOfApplies(t, "legacy") }

func seriesOfApplies(t *testing.T, backend string) {
	const applies = 200
	bare(t, backend)
	profiles := []string{variant(t), variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`, "10\nwindow", "12\nwindow")}
	apply := func(i int) {
		expect(t, 0, "apply", profiles[i%2], "--auto-approve", "--confirm-within", "0", "--no-guard")
	}
	lab.Serve(t, "tcp", 80)
	hidden := lab.Serve(t, "udp", 9999)
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	apply(0)
	ctx, stop := context.WithCancel(t.Context())
	var streams []*stream
	sent, called := make(chan int), make(chan dialled)
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		streams = append(streams, openStream(t, client, server))
		go func() { sent <- pour(ctx, client, net.JoinHostPort(server, "9999")) }()
		go func() { called <- callOn(ctx, client, server) }()
	}
	for i := range applies {
		apply(i + 1)
	}
	stop()
	for _, s := range streams {
		s.end(t)
	}
	for range streams {
		if c := <-called; c.failed != nil || c.made < applies {
			t.Errorf("of %d connections one failed: %v", c.made, c.failed)
		}
	}
	if poured := <-sent + <-sent; hidden.Count() > 0 || poured < 1000 {
		t.Errorf("of %d packets %d got in", poured, hidden.Count())
	}
}

// dialled are connections that somebody made one after the other, until one failed.
type dialled struct {
	made   int
	failed error
}

// callOn connects to port 80 again and again.
func callOn(ctx context.Context, from *lab.Host, server string) (c dialled) {
	for ; ctx.Err() == nil; time.Sleep(tick) {
		c.made++
		if err := connect(from, server, 80); err != nil {
			c.failed = fmt.Errorf("%s, connection %d: %w", server, c.made, err)
			return c
		}
	}
	return c
}
