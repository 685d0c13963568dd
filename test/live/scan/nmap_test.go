package scan

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// blindScan is a way to scan a server that hides what it can, and what it may see
// there: nothing, or some of what it cannot help to show.
type blindScan struct {
	name   string
	args   string // for nmap; ports are added
	ports  string
	silent string   // the state of a port that gives no answer
	seen   []string // what a full connection or a proper question finds anyway
	bans   bool
	only   int // the family that nmap has it for; 0 for both
}

const (
	thousand = "--top-ports 1000 --max-retries 1 --min-rate 500"
	few      = "-p 22,80,443,1000-1021 --max-retries 0"
	hundred  = "--top-ports 100 --max-retries 1 --min-rate 100"
)

// decoys are addresses in whose names nmap also scans.
var decoys = []string{"198.18.0.1", "198.18.0.2", "198.18.0.3"}

// Stray segments of closed connections (-sM, -sA, -sW) are dropped and not
// counted: the customers of a server that was restarted send them too. Nor are
// packets of other protocols (-sO), which routers and tunnels send.
var scans = []blindScan{
	{"half-open", "-sS", thousand, "filtered", nil, true, 0},
	{"connect", "-sT", thousand, "filtered", []string{"tcp/80", "tcp/443"}, true, 0},
	{"FIN", "-sF", thousand, "open|filtered", nil, true, 0},
	{"XMAS", "-sX", thousand, "open|filtered", nil, true, 0},
	{"NULL", "-sN", thousand, "open|filtered", nil, true, 0},
	{"Maimon", "-sM", hundred, "open|filtered", nil, false, 0},
	{"ACK", "-sA", thousand, "filtered", nil, false, 0},
	{"window", "-sW", hundred, "filtered", nil, false, 0},
	{"UDP", "-sU", "-p " + udpPorts + " --max-retries 1 --min-rate 100", "open|filtered", []string{"udp/53"}, true, 0},
	{"protocols", "-sO", "--max-retries 0 --min-rate 50", "open|filtered", []string{"ip/1", "ip/58"}, false, 4},
	{"fragments", "-sS -f", hundred, "filtered", nil, true, 4},
	{"SYN and FIN", "-sS --scanflags SYNFIN", hundred, "filtered", nil, true, 0},
	{"source port 53", "-sS -g 53", hundred, "filtered", nil, true, 0},
	{"decoys", "-sS -D " + strings.Join(decoys, ","), hundred, "filtered", nil, true, 4},
	{"polite", "-sS -T2", few, "filtered", nil, true, 0},
}

// nmap finds nothing, whatever way it scans, but what a full connection to a
// public service shows; and it is banned on the way.
func TestNmapFindsNothing(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "fingerprint = true\nscope = \"everything\"\nproven = \"1d\"\n")
		network := lab.NewNetwork(t)
		t.Run("scans", func(t *testing.T) {
			for i, s := range scans {
				for _, family := range []int{4, 6} {
					if s.only != 0 && s.only != family {
						continue
					}
					from := scanner(network, family, i)
					t.Run(fmt.Sprintf("%s/v%d", s.name, family), func(t *testing.T) {
						t.Parallel()
						s.run(t, from, family)
					})
				}
			}
		})
		for _, decoy := range decoys {
			if !banset.Banned(t, netip.MustParseAddr(decoy)) {
				t.Errorf("nmap scanned in the name of %s too, which is not banned", decoy)
			}
		}
	})
}

func (s blindScan) run(t *testing.T, from *lab.Host, family int) {
	args, server, address := strings.Fields(s.args+" -T4 "+s.ports), lab.ServerV4, from.V4()
	if strings.Contains(s.args, "-T2") {
		args = strings.Fields(s.args + " " + s.ports)
	}
	if family == 6 {
		args, server, address = append(args, "-6"), lab.ServerV6, from.V6()
	}
	scan := lab.Nmap(t, from, append(args, server)...)
	for _, port := range scan.Open() {
		if !slices.Contains(s.seen, port) {
			t.Errorf("%s is open", port)
		}
	}
	if got := len(scan.Open()) + len(scan.In(s.silent)); got != len(scan) || got < 20 {
		t.Errorf("states %v, want %s", scan.States(), s.silent)
	}
	if is := banset.Banned(t, address); is != s.bans {
		t.Errorf("banned is %v, want %v", is, s.bans)
	}
}

// The server is not even there, for all questions of nmap's but a polite echo
// request.
func TestServerIsDown(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "fingerprint = true\n")
		network := lab.NewNetwork(t)
		for i, server := range []string{lab.ServerV4, lab.ServerV6} {
			h := scanner(network, []int{4, 6}[i], 0)
			args := []string{"-n", "-sn", "--reason", "--disable-arp-ping", "-PS22,80,443", "-PA80,443", "-PU123,40125", "-PY80", server}
			if i == 1 {
				args = append(args, "-6")
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			out, err := h.Command(ctx, "nmap", args...).Output()
			require.NoError(t, err)
			if !strings.Contains(string(out), "0 hosts up") {
				t.Errorf("nmap finds the server:\n%s", out)
			}
		}
	})
}
