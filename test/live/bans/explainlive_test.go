package bans

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/kernellog"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// What explain and reach say of this host follows what packets do to it: a source that
// scans is banned for them, and no more when the ban is lifted. The kernel says the same.
func TestExplainOfABannedSource(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, `scope = "everything"`)
		scanner := lab.NewNetwork(t).Host("scanner", kernellog.ScannerV4, kernellog.ScannerV6)
		traffic.Arrive(t, scanner)
		for i, a := range traffic.Addresses(scanner) {
			set, member := banset.SourceSet("ban", a)
			from, packet := a.String(), "tcp "+[]string{a.String() + ":40000", "[" + a.String() + "]:40000"}[i]+" -> :443 syn"
			require.Contains(t, run.Expect(t, 0, "explain", packet, "--live"), "ACCEPT: rule ", "services.https", "DROP: the source is in "+set)
			require.Contains(t, run.Expect(t, 0, "reach", "--live", "--from", from), "tcp/80 from "+from, "tcp/443 from "+from)

			require.NoError(t, scanner.Forge(traffic.SYNs(a, 7000, 11)...))
			traffic.Refused(t, scanner, server(i), 443)
			listed := memberLine(t, set, member.String())
			for _, asked := range []string{packet, logLine(t, a), listed, "add " + set + " " + listed} {
				require.Contains(t, run.Expect(t, 0, "explain", asked, "--live"), "DROP: rule ", "\nNow:\n", "  the source is in "+set+", for ", " s more\n")
			}
			require.Contains(t, run.Expect(t, 0, "explain", packet, "--live"), "-BANNED", "ACCEPT: the source is not in "+set)
			require.Contains(t, run.Expect(t, 0, "explain", packet, "--live", "--json"), `"the source is in `+set+`, for `, `"verdict": "drop"`)
			if out := run.Expect(t, 0, "reach", "--live", "--from", from); strings.Contains(out, "tcp/") {
				t.Errorf("%v is banned, and reaches\n%s", a, out)
			}

			run.Tool(t, "ipset del "+set+" "+member.String())
			traffic.Reaches(t, scanner, server(i), 443, 1)
			out := run.Expect(t, 0, "explain", packet, "--live")
			require.Contains(t, out, "ACCEPT: rule ")
			if strings.Contains(out, "the source is in "+set+", for ") {
				t.Errorf("after the ban is lifted:\n%s", out)
			}
		}
	})
}

// Rules and sets of others are in the answer, and in a diff with the generation.
func TestExplainOfOthersRules(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "")
		require.Contains(t, run.Expect(t, 0, "diff", "--live", "1"), "No packet is decided differently")
		run.Tool(t, "ipset create jail hash:ip timeout 600")
		run.Tool(t, "ipset add jail 203.0.113.9")
		run.Tool(t, "iptables -I INPUT -m set --match-set jail src -j DROP")
		const packet = "tcp 203.0.113.9:40000 -> :443 syn"
		require.Contains(t, run.Expect(t, 0, "explain", packet, "--live"), "DROP: rule 1 of INPUT (table filter): -m set --match-set jail src -j DROP\n", "the source is in jail, for ")
		require.Contains(t, run.Expect(t, 0, "reach", "--live", "--port", "tcp/443"), "tcp/443 from everyone but ")
		require.Contains(t, run.Expect(t, 2, "diff", "--live", "1"), "newly accepted", "the source is in jail", "before:  DROP, rule 1 of INPUT (table filter): -m set --match-set jail src -j DROP")
		run.Tool(t, "ipset del jail 203.0.113.9")
		require.Contains(t, run.Expect(t, 0, "explain", packet, "--live"), "ACCEPT: rule ")
		for _, args := range [][]string{{"explain", packet, "--live"}, {"reach", "--live"}, {"diff", "--live", "1"}} {
			require.Contains(t, run.AsNobody(t, 1, args...), "--live: the firewall can only be read and changed as root")
		}
	})
}

// server is the address of the server in a family.
func server(family int) string { return []string{lab.ServerV4, lab.ServerV6}[family] }

// memberLine is the line of ipset list about a member of a set.
func memberLine(t *testing.T, set, member string) string {
	t.Helper()
	for line := range strings.Lines(run.Tool(t, "ipset list "+set)) {
		if strings.HasPrefix(line, member+" ") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("%s is not in %s", member, set)
	return ""
}

// logLine is a line of the kernel's log about a source.
func logLine(t *testing.T, a netip.Addr) string {
	t.Helper()
	for _, line := range kernellog.Lines(t) {
		if strings.Contains(line, " PROTO=TCP ") && strings.Contains(line, " SRC="+a.StringExpanded()+" ") {
			return line
		}
	}
	t.Fatalf("no line of the log is about %v", a)
	return ""
}
