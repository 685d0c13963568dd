package live

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
	howtoOpen = []flaw{
		{"connections to open services are counted", limitsCustomers},
		{"one port that is closed, tried again, is a scan", punishesRetries},
		{"open connections walk all rules", walksOpenConnections},
		{"what is of no connection is answered", answersStrays},
		{"whoever forges a customer's address bans him", lendsABan},
		{"a page does not load during a scan", starvesCustomers},
		{"XMAS, FIN and SYN+FIN pass", missesFlags},
		{"ports that are closed say so", tellsClosedPorts},
		{"IPv6 is open", ignoresIPv6},
		{"the limit of echo requests limits nothing", answersEveryEcho},
		{"the limit of UDP limits nothing", answersEveryQuery},
		{"a crowd makes a scanner forgotten", forgetsScanners},
	}
	howtoShut = []flaw{
		{"one who floods a UDP service takes everybody's", sharesQueries},
		{"one who floods echo requests takes everybody's", sharesEchoes},
	}
)

// Everything that is wrong with the how-to's rules can be seen, and is not wrong
// with ours.
func TestHowtoFlaws(t *testing.T) {
	rulesHave(t, howto, families[0], howtoOpen)
	rulesHave(t, howto+closed, families[0], howtoShut)
	profileHasNone(t, lab.Backends, watched+proven, slices.Concat(howtoOpen, howtoShut), families...)
}

// What takes the how-to's rules a minute or more can be seen in seconds, with a
// window of 2 s for its 60 s and a profile that is as many times as fast. It is
// the same kernel code behind both backends, and waiting is dear.
func TestHowtoFlawsOverTime(t *testing.T) {
	const times = 30
	flaws := []flaw{
		{"one probe in 7 s is never too many", func(t *testing.T, s scenario) (bool, string) {
			return missesSlowScans(t, s, 7*time.Second/times)
		}},
		{"one who tries again stays out", keepsRetriersOut},
	}
	rulesHave(t, strings.Replace(howto, "--seconds 60", "--seconds 2", 1), families[0], flaws)
	profileHasNone(t, lab.Backends[:1], watched+`window = "2m"
scope = "everything"
[services.shop]
ports = ["tcp/8080"]
new_per_source = "10 in 2s"
`, flaws, families...)
}

func missesSlowScans(t *testing.T, s scenario, pause time.Duration) (bool, string) {
	const probes = 13
	scanner := s.host(t)
	for i := range probes {
		must(t, scanner.Forge(syn(s.of(scanner), 7000+i)))
		time.Sleep(pause)
	}
	n := s.connects(scanner, 443, 1)
	return n == 1, fmt.Sprintf("%s connections after %d probes", ofTotal(n, 1), probes)
}

// keepsRetriersOut has a client that has met a limit try again, for longer than
// the limit's window.
func keepsRetriersOut(t *testing.T, s scenario) (bool, string) {
	h := s.host(t)
	try := func() bool {
		accepted, err := h.Knock(s.at(8080), 60*time.Millisecond)
		must(t, err)
		return accepted
	}
	lab.Await(t, "a refusal", func() bool {
		must(t, h.Forge(slices.Repeat(syns(s.of(h), 8080, 1), 20)...))
		return !try()
	})
	served, tries := false, 0
	for began := time.Now(); !served && time.Since(began) < 4*time.Second; tries++ {
		served = try()
	}
	return !served, fmt.Sprintf("served is %v after %d tries", served, tries)
}

func limitsCustomers(t *testing.T, s scenario) (bool, string) {
	n := s.connects(s.host(t), 443, 30)
	return n < 30, ofTotal(n, 30) + " connections"
}

func punishesRetries(t *testing.T, s scenario) (bool, string) {
	h := s.host(t)
	must(t, h.Forge(slices.Repeat([]lab.Segment{syn(s.of(h), 7000)}, 40)...))
	n := s.connects(h, 443, 3)
	return n == 0, ofTotal(n, 3) + " connections"
}

// walksOpenConnections sends on an open connection, and looks whether the first
// rule on its way took the packets.
func walksOpenConnections(t *testing.T, s scenario) (bool, string) {
	const sent = 40
	c, err := s.host(t).DialOnce(netip.AddrPort{}, s.at(443))
	must(t, err)
	defer c.Close()
	before := firstRule(t, s)
	for range sent {
		_, err := c.Write([]byte("x"))
		must(t, err)
		time.Sleep(2 * time.Millisecond)
	}
	n := firstRule(t, s) - before
	return n < sent/2, fmt.Sprintf("the first rule decides %d packets", n)
}

// firstRule is how many packets the first rule has matched.
func firstRule(t *testing.T, s scenario) int {
	t.Helper()
	command := "iptables"
	if s.v6 {
		command = "ip6tables"
	}
	n, err := strconv.Atoi(strings.Fields(tool(t, command+" -w -vxnL "+s.way+" 1"))[0])
	must(t, err)
	return n
}

func answersStrays(t *testing.T, s scenario) (bool, string) {
	n := s.replies(t, s.host(t), 7000, lab.ACK, lab.FIN|lab.ACK, lab.RST|lab.ACK|lab.FIN)
	return n >= 2, ofTotal(n, 3) + " segments answered"
}

func lendsABan(t *testing.T, s scenario) (bool, string) {
	customer, forger := s.customer(t), s.host(t)
	must(t, forger.Forge(syns(s.of(customer), 7000, 20)...))
	n := s.connects(customer, 443, 3)
	return n == 0, ofTotal(n, 3) + " connections"
}

// starvesCustomers has an attacker probe and flood while a customer loads a
// page with thirty parts.
func starvesCustomers(t *testing.T, s scenario) (bool, string) {
	customer, attacker := s.customer(t), s.host(t)
	n := 0
	meanwhile(t, func() error { return attacker.Forge(syns(s.of(attacker), 10_000, 100)...) },
		func() { n = s.connects(customer, 443, 30) })
	return n < 30, ofTotal(n, 30) + " connections during a scan"
}

func missesFlags(t *testing.T, s scenario) (bool, string) {
	const urg = 1 << 5
	n := s.replies(t, s.host(t), 7000, lab.FIN|lab.PSH|urg, lab.FIN, lab.SYN|lab.FIN)
	return n == 3, ofTotal(n, 3) + " answered"
}

func tellsClosedPorts(t *testing.T, s scenario) (bool, string) {
	n := s.replies(t, s.host(t), 7000, lab.SYN, lab.ACK)
	return n == 2, ofTotal(n, 2) + " answered"
}

// ignoresIPv6 asks for what no source may reach, by IPv6 whatever the scenario is.
func ignoresIPv6(t *testing.T, s scenario) (bool, string) {
	s.family = families[1]
	n := s.connects(s.host(t), 5432, 20)
	return n == 20, ofTotal(n, 20) + " connections to the database"
}

func answersEveryEcho(t *testing.T, s scenario) (bool, string) {
	n := echoes(t, s.host(t), s.server, 50, "0.01")
	return n > 25, ofTotal(n, 50) + " requests answered"
}

func answersEveryQuery(t *testing.T, s scenario) (bool, string) {
	n := s.queries(t, s.host(t), 100, false)
	return n > 50, ofTotal(n, 100) + " queries answered"
}

// forgetsScanners has a scanner earn its ban, and then as many others send a
// packet as xt_recent remembers.
func forgetsScanners(t *testing.T, s scenario) (bool, string) {
	others := listed(t) + 50
	scanner := s.host(t)
	must(t, scanner.Forge(syns(s.of(scanner), 7000, 12)...))
	if n := s.connects(scanner, 443, 1); n != 0 {
		return false, "the scanner was not refused at first"
	}
	must(t, scanner.Forge(s.crowd(7000, others)...))
	n := s.connects(scanner, 443, 1)
	return n == 1, fmt.Sprintf("%s connections after %d others", ofTotal(n, 1), others)
}

// listed is how many sources a list of xt_recent holds.
func listed(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/sys/module/xt_recent/parameters/ip_list_tot")
	must(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	return n
}

// sharesEchoes has a customer ping politely while an attacker floods.
func sharesEchoes(t *testing.T, s scenario) (bool, string) {
	attacker, customer := s.host(t), s.host(t)
	flood := attacker.Command(t.Context(), "ping", "-q", "-i", "0.005", s.server)
	before := sentBy(t, attacker)
	must(t, flood.Start())
	lab.Await(t, "more requests than the limit lets by at once", func() bool { return sentBy(t, attacker) > before+30 })
	n := echoes(t, customer, s.server, 3, "0.2")
	must(t, flood.Process.Kill())
	flood.Wait()
	return n < 3, ofTotal(n, 3) + " requests answered"
}

// sentBy is how many packets a host has sent.
func sentBy(t *testing.T, h *lab.Host) int {
	t.Helper()
	text, err := h.Command(t.Context(), "cat", "/sys/class/net/eth0/statistics/tx_packets").Output()
	must(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	return n
}

// sharesQueries has a customer ask the name server while an attacker floods it.
func sharesQueries(t *testing.T, s scenario) (bool, string) {
	attacker, customer := s.host(t), s.host(t)
	c, err := attacker.Dial("udp", s.at(53), lab.Patience)
	must(t, err)
	defer c.Close()
	n, flooded := 0, atomic.Int64{}
	meanwhile(t, func() error {
		time.Sleep(time.Millisecond)
		flooded.Add(1)
		_, err := c.Write([]byte("query"))
		return err
	}, func() {
		lab.Await(t, "more queries than the limit lets by at once", func() bool { return flooded.Load() > 50 })
		n = s.queries(t, customer, 5, s.ours)
	})
	return n < 5, ofTotal(n, 5) + " queries answered"
}
