package bans

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// A controller answers its control stations, and no other source; a
// station cannot be banned by forged packets.
func TestController(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		scenario := lab.NewNetwork(t)
		station, engineer := scenario.Host("station", "192.0.2.5/24"), scenario.Host("engineer", "10.9.0.50")
		unlisted := scenario.Host("unlisted", "192.0.2.66/24", "2001:db8::66/64")
		toucher := scenario.Host("toucher", "203.0.113.9", "2001:db8:bad:9::9")
		lab.Serve(t, "tcp", 502)
		lab.Serve(t, "tcp", 22)
		run.Expect(t, 0, "apply", "builtin:ot-controller", "--auto-approve", "--confirm-within", "0", "--no-guard")

		for _, address := range []string{lab.ServerV4, lab.ServerV6} {
			if out, err := unlisted.Command(context.Background(), "ping", "-c", "1", "-W", "1", address).CombinedOutput(); err == nil {
				t.Errorf("an unlisted source's ping is answered: %s", out)
			}
		}
		for _, target := range [][]string{{lab.ServerV4}, {"-6", lab.ServerV6}} {
			scan := lab.Nmap(t, unlisted, append([]string{"-sS", "--max-retries", "0", "-p", "22,80,502,2404,4840,20000"}, target...)...)
			if got := scan.In("filtered"); len(got) != 6 {
				t.Errorf("an unlisted source learned %v", scan)
			}
		}
		for _, set := range []string{"hardenctl-ban-v4", "hardenctl-ban-v6"} {
			if banned := run.Tool(t, "ipset list "+set); !strings.Contains(banned, "timeout 8") {
				t.Errorf("6 probes of an unlisted source did not ban for a day:\n%s", banned)
			}
		}
		for i, a := range traffic.Addresses(toucher) {
			require.NoError(t, toucher.Forge(traffic.SYN(a, []int{3389, 23}[i])))
			lab.Await(t, "a ban at one probe to a tripwire", func() bool { return banset.Banned(t, a) })
		}
		lab.Nmap(t, station, "-sS", "--max-retries", "0", "-p", "8000-8019", lab.ServerV4)
		traffic.Reaches(t, station, lab.ServerV4, 502, 1)
		traffic.Reaches(t, engineer, lab.ServerV4, 22, 1)
		if !traffic.IsRefused(engineer, lab.ServerV4, 502) {
			t.Error("an engineer controls the process")
		}
	})
}

// A resolver's burst of queries is answered in full. Forged queries beyond
// the limit are not, and leave it DNS by TCP.
func TestDNSServer(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		resolver := lab.NewNetwork(t).Host("resolver", "192.0.2.53/24")
		lab.Serve(t, "tcp", 53)
		run.Expect(t, 0, "apply", "builtin:dns", "--auto-approve", "--confirm-within", "0", "--no-guard")
		server, err := net.ListenPacket("udp4", ":53")
		require.NoError(t, err)
		defer server.Close()
		queries := func(n int) func() {
			return func() {
				for range n {
					conn := dialUDP(t, resolver, 0, 53)
					_, err := conn.Write([]byte("query"))
					require.NoError(t, err)
					conn.Close()
				}
			}
		}
		if got := count(t, server, queries(200)); got != 200 {
			t.Errorf("%d of 200 queries arrived", got)
		}
		start := time.Now()
		all := senders(t, server, queries(6000))
		slices.Sort(all)
		got := len(slices.Compact(all)) // a port that is used again is of a flow that is let in
		most := 2000 + int(500*(time.Since(start).Seconds()+1))
		if most < 6000 && got > most {
			t.Errorf("%d of 6000 queries arrived, and %d may", got, most)
		}
		traffic.Reaches(t, resolver, lab.ServerV4, 53, 1)
	})
}

// A mail server shows its mail ports, and none that begin in the clear.
func TestMailServer(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		user := lab.NewNetwork(t).Host("user", "192.0.2.20/24")
		for _, port := range []int{25, 110, 143, 465, 587, 993} {
			lab.Serve(t, "tcp", port)
		}
		run.Expect(t, 0, "apply", "builtin:mail", "--auto-approve", "--confirm-within", "0", "--no-guard")
		scan := lab.Nmap(t, user, "-sT", "-p", "25,110,143,465,587,993", lab.ServerV4)
		if got, want := scan.Open(), []string{"tcp/25", "tcp/465", "tcp/587", "tcp/993"}; !slices.Equal(got, want) {
			t.Errorf("open are %v, want %v", got, want)
		}
	})
}
