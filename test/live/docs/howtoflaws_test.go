package docs

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/comparison"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// howto are the rules that a published how-to teaches against nmap.
const howto = `iptables -A INPUT -p tcp -m conntrack --ctstate NEW -m recent --set
iptables -A INPUT -p tcp -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 10 -j DROP
iptables -A INPUT -p tcp --tcp-flags ALL NONE -j DROP
iptables -A INPUT -p tcp --tcp-flags ALL ALL -j DROP
iptables -A INPUT -p icmp --icmp-type echo-request -m limit --limit 1/s -j ACCEPT
iptables -A INPUT -p udp -m limit --limit 5/s -j ACCEPT
`

// closed is what the how-to adds for those who want the policy DROP.
const closed = `iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT
iptables -P INPUT DROP
`

// howtoOpen are the flaws of the how-to's rules, and howtoShut those that they
// have with the policy DROP.
var (
	howtoOpen = []comparison.Flaw{
		{Name: "connections to open services are counted", Shows: limitsCustomers},
		{Name: "one port that is closed, tried again, is a scan", Shows: punishesRetries},
		{Name: "open connections walk all rules", Shows: walksOpenConnections},
		{Name: "what is of no connection is answered", Shows: answersStrays},
		{Name: "a packet with a customer's address bans the customer", Shows: lendsABan},
		{Name: "a page does not load during a scan", Shows: starvesCustomers},
		{Name: "XMAS, FIN and SYN+FIN pass", Shows: missesFlags},
		{Name: "ports that are closed say so", Shows: tellsClosedPorts},
		{Name: "IPv6 is open", Shows: ignoresIPv6},
		{Name: "the limit of echo requests limits nothing", Shows: answersEveryEcho},
		{Name: "the limit of UDP limits nothing", Shows: answersEveryQuery},
		{Name: "a crowd makes a scanner forgotten", Shows: forgetsScanners},
	}
	howtoShut = []comparison.Flaw{
		{Name: "one who floods a UDP service takes everybody's", Shows: sharesQueries},
		{Name: "one who floods echo requests takes everybody's", Shows: sharesEchoes},
	}
)

// Everything that is wrong with the how-to's rules can be seen, and is not wrong
// with ours.
func TestHowtoFlaws(t *testing.T) {
	rulesHave(t, howto, traffic.Families[0], howtoOpen)
	rulesHave(t, howto+closed, traffic.Families[0], howtoShut)
	profileHasNone(t, lab.Backends, webserver.Watched+banset.Proven, slices.Concat(howtoOpen, howtoShut), traffic.Families...)
}

// What takes the how-to's rules a minute or more can be seen in seconds, with a
// window of 2 s for its 60 s and a profile that is as many times as fast. It is
// the same kernel code behind both backends, and waiting is dear.
func TestHowtoFlawsOverTime(t *testing.T) {
	const times = 30
	flaws := []comparison.Flaw{
		{Name: "one probe in 7 s is never too many", Shows: func(t *testing.T, s comparison.Scenario) (bool, string) {
			return missesSlowScans(t, s, 7*time.Second/times)
		}},
		{Name: "one who tries again stays out", Shows: keepsRetriersOut},
	}
	rulesHave(t, strings.Replace(howto, "--seconds 60", "--seconds 2", 1), traffic.Families[0], flaws)
	profileHasNone(t, lab.Backends[:1], webserver.Watched+`window = "2m"
scope = "everything"
[services.shop]
ports = ["tcp/8080"]
new_per_source = "10 in 2s"
`, flaws, traffic.Families...)
}

func missesSlowScans(t *testing.T, s comparison.Scenario, pause time.Duration) (bool, string) {
	const probes = 13
	scanner := s.Host(t)
	for i := range probes {
		require.NoError(t, scanner.Forge(traffic.SYN(s.Of(scanner), 7000+i)))
		time.Sleep(pause)
	}
	n := s.Connects(scanner, 443, 1)
	return n == 1, fmt.Sprintf("%s connections after %d probes", ofTotal(n, 1), probes)
}

// keepsRetriersOut has a client that has met a limit try again, for longer than
// the limit's window.
func keepsRetriersOut(t *testing.T, s comparison.Scenario) (bool, string) {
	h := s.Host(t)
	try := func() bool {
		accepted, err := h.Knock(s.At(8080), 60*time.Millisecond)
		require.NoError(t, err)
		return accepted
	}
	lab.Await(t, "a refusal", func() bool {
		require.NoError(t, h.Forge(slices.Repeat(traffic.SYNs(s.Of(h), 8080, 1), 20)...))
		return !try()
	})
	served, tries := false, 0
	for began := time.Now(); !served && time.Since(began) < 4*time.Second; tries++ {
		served = try()
	}
	return !served, fmt.Sprintf("served is %v after %d tries", served, tries)
}

func limitsCustomers(t *testing.T, s comparison.Scenario) (bool, string) {
	n := s.Connects(s.Host(t), 443, 30)
	return n < 30, ofTotal(n, 30) + " connections"
}

func punishesRetries(t *testing.T, s comparison.Scenario) (bool, string) {
	h := s.Host(t)
	require.NoError(t, h.Forge(slices.Repeat([]lab.Segment{traffic.SYN(s.Of(h), 7000)}, 40)...))
	n := s.Connects(h, 443, 3)
	return n == 0, ofTotal(n, 3) + " connections"
}

// walksOpenConnections sends on an open connection, and looks whether the first
// rule on its way took the packets.
func walksOpenConnections(t *testing.T, s comparison.Scenario) (bool, string) {
	const sent = 40
	c, err := s.Host(t).DialOnce(netip.AddrPort{}, s.At(443))
	require.NoError(t, err)
	defer c.Close()
	before := firstRule(t, s)
	for range sent {
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		time.Sleep(2 * time.Millisecond)
	}
	n := firstRule(t, s) - before
	return n < sent/2, fmt.Sprintf("the first rule decides %d packets", n)
}

// firstRule is how many packets the first rule has matched.
func firstRule(t *testing.T, s comparison.Scenario) int {
	t.Helper()
	command := "iptables"
	if s.V6 {
		command = "ip6tables"
	}
	n, err := strconv.Atoi(strings.Fields(run.Tool(t, command+" -w -vxnL "+s.Way+" 1"))[0])
	require.NoError(t, err)
	return n
}

func answersStrays(t *testing.T, s comparison.Scenario) (bool, string) {
	n := s.Replies(t, s.Host(t), 7000, lab.ACK, lab.FIN|lab.ACK, lab.RST|lab.ACK|lab.FIN)
	return n >= 2, ofTotal(n, 3) + " segments answered"
}

func lendsABan(t *testing.T, s comparison.Scenario) (bool, string) {
	customer, forger := s.Customer(t), s.Host(t)
	require.NoError(t, forger.Forge(traffic.SYNs(s.Of(customer), 7000, 20)...))
	n := s.Connects(customer, 443, 3)
	return n == 0, ofTotal(n, 3) + " connections"
}

// starvesCustomers has an attacker probe and flood while a customer loads a
// page with thirty parts.
func starvesCustomers(t *testing.T, s comparison.Scenario) (bool, string) {
	customer, attacker := s.Customer(t), s.Host(t)
	n := 0
	meanwhile(t, func() error { return attacker.Forge(traffic.SYNs(s.Of(attacker), 10_000, 100)...) },
		func() { n = s.Connects(customer, 443, 30) })
	return n < 30, ofTotal(n, 30) + " connections during a scan"
}

func missesFlags(t *testing.T, s comparison.Scenario) (bool, string) {
	const urg = 1 << 5
	n := s.Replies(t, s.Host(t), 7000, lab.FIN|lab.PSH|urg, lab.FIN, lab.SYN|lab.FIN)
	return n == 3, ofTotal(n, 3) + " answered"
}

func tellsClosedPorts(t *testing.T, s comparison.Scenario) (bool, string) {
	n := s.Replies(t, s.Host(t), 7000, lab.SYN, lab.ACK)
	return n == 2, ofTotal(n, 2) + " answered"
}

// ignoresIPv6 asks for what no source may reach, by IPv6 whatever the scenario is.
func ignoresIPv6(t *testing.T, s comparison.Scenario) (bool, string) {
	s.Family = traffic.Families[1]
	n := s.Connects(s.Host(t), 5432, 20)
	return n == 20, ofTotal(n, 20) + " connections to the database"
}

func answersEveryEcho(t *testing.T, s comparison.Scenario) (bool, string) {
	n := traffic.Echoes(t, s.Host(t), s.Server, 50, "0.01")
	return n > 25, ofTotal(n, 50) + " requests answered"
}

func answersEveryQuery(t *testing.T, s comparison.Scenario) (bool, string) {
	n := s.Queries(t, s.Host(t), 100, false)
	return n > 50, ofTotal(n, 100) + " queries answered"
}

// forgetsScanners has a scanner earn its ban, and then as many others send a
// packet as xt_recent remembers.
func forgetsScanners(t *testing.T, s comparison.Scenario) (bool, string) {
	others := listed(t) + 50
	scanner := s.Host(t)
	require.NoError(t, scanner.Forge(traffic.SYNs(s.Of(scanner), 7000, 12)...))
	if n := s.Connects(scanner, 443, 1); n != 0 {
		return false, "the scanner was not refused at first"
	}
	require.NoError(t, scanner.Forge(s.Crowd(7000, others)...))
	n := s.Connects(scanner, 443, 1)
	return n == 1, fmt.Sprintf("%s connections after %d others", ofTotal(n, 1), others)
}

// listed is how many sources a list of xt_recent holds.
func listed(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/sys/module/xt_recent/parameters/ip_list_tot")
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return n
}

// sharesEchoes has a customer ping politely while an attacker floods.
func sharesEchoes(t *testing.T, s comparison.Scenario) (bool, string) {
	attacker, customer := s.Host(t), s.Host(t)
	flood := attacker.Command(t.Context(), "ping", "-q", "-i", "0.005", s.Server)
	before := sentBy(t, attacker)
	require.NoError(t, flood.Start())
	lab.Await(t, "more requests than the limit lets by at once", func() bool { return sentBy(t, attacker) > before+30 })
	n := traffic.Echoes(t, customer, s.Server, 3, "0.2")
	require.NoError(t, flood.Process.Kill())
	flood.Wait()
	return n < 3, ofTotal(n, 3) + " requests answered"
}

// sentBy is how many packets a host has sent.
func sentBy(t *testing.T, h *lab.Host) int {
	t.Helper()
	text, err := h.Command(t.Context(), "cat", "/sys/class/net/eth0/statistics/tx_packets").Output()
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return n
}

// sharesQueries has a customer ask the name server while an attacker floods it.
func sharesQueries(t *testing.T, s comparison.Scenario) (bool, string) {
	attacker, customer := s.Host(t), s.Host(t)
	c, err := attacker.Dial("udp", s.At(53), lab.Patience)
	require.NoError(t, err)
	defer c.Close()
	n, flooded := 0, atomic.Int64{}
	meanwhile(t, func() error {
		time.Sleep(time.Millisecond)
		flooded.Add(1)
		_, err := c.Write([]byte("query"))
		return err
	}, func() {
		lab.Await(t, "more queries than the limit lets by at once", func() bool { return flooded.Load() > 50 })
		n = s.Queries(t, customer, 5, s.Ours)
	})
	return n < 5, ofTotal(n, 5) + " queries answered"
}
