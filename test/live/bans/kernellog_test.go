package bans

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/kernellog"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// logging is the profile of the siege, with a blocked source and tight limits,
// so that a few packets make lines of every reason. No line is left out.
func logging(t *testing.T) string {
	return webserver.Variant(t,
		`exempt =`, `block = ["203.0.113.99", "2001:db8:bad:99::/64"]`+"\nexempt =",
		`new_per_source = "50/second burst 200"`, `new_per_source = "1/hour burst 1"`,
		"[udp]", "[log]\nrate = \"1000/second burst 1000\"\nlines_per_source = \"1000/second burst 1000\"\n\n[udp]")
}

// TestKernelLog holds that the recorded lines are those of today's rules: each
// prefix that a rule writes begins a line of its family, and no other does.
func TestKernelLog(t *testing.T) {
	lab.Require(t)
	path := logging(t)
	if *kernellog.Record {
		stage.Bare(t, "nft")
		run.Hardenctl(t, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		require.NoError(t, os.WriteFile(kernellog.Path, []byte(recorded(t)), 0o644))
	}
	b := run.Compiled(t, path)
	for file, family := range map[string]string{bundle.RulesV4: " TOS=", bundle.RulesV6: " FLOWLBL="} {
		got, want := map[string]bool{}, map[string]bool{}
		for _, m := range regexp.MustCompile(`LOG --log-prefix "(.*)"`).FindAllStringSubmatch(string(b.File(file)), -1) {
			want[m[1]] = true
		}
		for _, line := range kernellog.Lines(t) {
			if strings.Contains(line, family) {
				_, text, _ := strings.Cut(line, "] ")
				got[text[:strings.Index(text, "IN=")]] = true
			}
		}
		if len(want) != 6 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: the recorded lines have %v, and the rules write %v; record them again: go test ./live -run TestKernelLog -record", file, got, want)
		}
	}
}

// recorded provokes a line of every reason, over both families, and returns
// what the kernel writes.
func recorded(t *testing.T) string {
	stop := kernelLines(t)
	webserver.Serve(t)
	network := lab.NewNetwork(t)
	clients := webserver.NewClients(network)
	blocked := network.Host("blocked", "203.0.113.99", "2001:db8:bad:99::99")
	scanner := network.Host("scanner", kernellog.ScannerV4, kernellog.ScannerV6)
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		for range 3 { // a burst of 1 is spared the first
			traffic.Connect(clients.Customer, server, 443)
		}
		traffic.Connect(clients.Admin, server, 5432)
		traffic.Connect(blocked, server, 443)
		traffic.Connect(scanner, server, 3389)
		sendProbes(t, scanner, server, 10)
		tunnel(t, clients.Unlisted, server)
	}
	var lines strings.Builder
	for line := range strings.Lines(stop()) {
		// Another lab may log at the same time.
		if ofHosts(line, clients.Customer, clients.Admin, clients.Unlisted, blocked, scanner) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

func ofHosts(line string, hosts ...*lab.Host) bool {
	return slices.ContainsFunc(hosts, func(h *lab.Host) bool {
		return strings.Contains(line, " SRC="+h.V4().String()+" ") || strings.Contains(line, " SRC="+h.V6().StringExpanded()+" ")
	})
}

// sendProbes sends a datagram to each of a number of ports without a service.
func sendProbes(t *testing.T, from *lab.Host, server string, ports int) {
	t.Helper()
	for port := range ports {
		c, err := from.Dial("udp", net.JoinHostPort(server, strconv.Itoa(7000+port)), lab.Patience)
		require.NoError(t, err)
		c.Write([]byte("x"))
		c.Close()
	}
	lab.Drain()
}

// tunnel sends a packet of a protocol without ports, ESP.
func tunnel(t *testing.T, from *lab.Host, server string) {
	t.Helper()
	network := "ip4:50"
	if strings.Contains(server, ":") {
		network = "ip6:50"
	}
	require.NoError(t, from.Do(func() error {
		c, err := net.Dial(network, server)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("sealed, all of it"))
		return err
	}))
}

// kernelLines has the kernel log what happens in namespaces until stop, which
// returns our lines.
func kernelLines(t *testing.T) (stop func() string) {
	t.Helper()
	const key = "net.netfilter.nf_log_all_netns"
	// The setting is there in the machine's own namespace only, in which the
	// process is that has made this lab.
	outside := fmt.Sprintf("nsenter --net=/proc/%d/ns/net sysctl -n ", os.Getppid())
	before := strings.TrimSpace(run.Tool(t, outside+key))
	t.Cleanup(func() { run.Tool(t, outside+"-w "+key+"="+before) })
	run.Tool(t, outside+"-w "+key+"=1")
	from := time.Now().UnixNano()
	mark := "hardenctl-test-" + strconv.FormatInt(from, 10)
	require.NoError(t, os.WriteFile("/dev/kmsg", []byte("<6>"+mark), 0))
	return func() string {
		_, lines, found := strings.Cut(run.Tool(t, "dmesg"), mark+"\n")
		if !found {
			t.Fatal("the kernel log does not say when the test began")
		}
		return strings.Join(slices.DeleteFunc(strings.SplitAfter(lines, "\n"), func(line string) bool {
			return !strings.Contains(line, "IPTables-Dropped: ")
		}), "")
	}
}

// TestLogLimitIsPerSource lets one source send many probes. It writes its
// share of lines and the line of its ban; those of another come after it, since
// it took none of theirs.
func TestLogLimitIsPerSource(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		path := webserver.Variant(t, "[udp]", "[log]\nrate = \"1/hour burst 6\"\nlines_per_source = \"1/hour burst 3\"\n\n[udp]")
		run.Hardenctl(t, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		network := lab.NewNetwork(t)
		attacker := network.Host("attacker", kernellog.ScannerV4, kernellog.ScannerV6)
		other := network.Host("other", "203.0.113.67", "2001:db8:bad:67::67")
		for save, server := range map[string]string{"iptables-save": lab.ServerV4, "ip6tables-save": lab.ServerV6} {
			sendProbes(t, attacker, server, 30)
			wantLines(t, save, map[string]int{"scan": 3, "ban": 1})
			sendProbes(t, other, server, 2)
			wantLines(t, save, map[string]int{"scan": 5, "ban": 1})
			sendProbes(t, other, server, 2) // again: they are counted already, and say nothing new
			wantLines(t, save, map[string]int{"scan": 5, "ban": 1})
		}
	})
}

var logRule = regexp.MustCompile(`(?m)^\[(\d+):\d+\] .* -j LOG --log-prefix "IPTables-Dropped: (\w+) "$`)

// wantLines compares how often the rules have logged, by reason.
func wantLines(t *testing.T, save string, want map[string]int) {
	t.Helper()
	out, err := exec.Command(save, "-c", "-t", "filter").Output()
	require.NoError(t, err)
	got := map[string]int{}
	for _, m := range logRule.FindAllStringSubmatch(string(out), -1) {
		if n, _ := strconv.Atoi(m[1]); n > 0 {
			got[m[2]] += n
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: lines %v, want %v", save, got, want)
	}
}
