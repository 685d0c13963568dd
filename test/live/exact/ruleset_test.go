package exact

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// setsOf are the sets that random rules ask: two with few known members, one with many, one
// of other sets, and three that packets fill.
func setsOf(family ruleset.Family) string { return ofFamily(setsNamed(family), family) }

// ofFamily gives sets the names of their family: both are in the kernel at once.
func ofFamily(text string, family ruleset.Family) string {
	return setNames.ReplaceAllString(text, fmt.Sprintf("$1-v%d$2", family))
}

var setNames = regexp.MustCompile(`\b(few|half|many|here|either|filled|pairs|counting)([ \n])`)

func setsNamed(family ruleset.Family) string {
	kind, part := "inet", func(n int) string { return fmt.Sprintf("100.64.%d.0/26", n*3) }
	if family == ruleset.V6 {
		kind, part = "inet6", func(n int) string { return fmt.Sprintf("2001:db8:9:%x::/58", n*0x300) }
	}
	text := ""
	for _, name := range []string{"few", "half", "many", "here"} {
		text += fmt.Sprintf("create %s hash:net family %s hashsize 1024 maxelem 65536\n", name, kind)
	}
	for n := range 60 {
		text += "add many " + part(n) + "\n"
		if n < 20 {
			text += "add few " + part(n) + "\n"
		}
	}
	if family == ruleset.V6 {
		text += "add half 2001:db8:9::/50\nadd here 2001:db8::/64\nadd here fd00:9:1::2\n"
	} else {
		text += "add half 100.64.0.0/18\nadd here 192.0.2.0/24\nadd here 10.9.1.2\n"
	}
	return text + "create either list:set size 8\nadd either few\nadd either here\n" +
		fmt.Sprintf("create filled hash:ip family %s hashsize 1024 maxelem 65536 timeout 600\n", kind) +
		fmt.Sprintf("create pairs hash:ip,port family %s hashsize 1024 maxelem 65536 timeout 600\n", kind) +
		fmt.Sprintf("create counting hash:ip family %s hashsize 1024 maxelem 65536 timeout 600 counters\n", kind)
}

// generator makes random rules.
type generator struct {
	*rand.Rand
	family ruleset.Family
	sends  bool // rules for what the server sends, in place of what it gets
	dump   bool // the rules are those of a host: for both, and without sets
}

func (g *generator) of(choices ...string) string { return choices[g.IntN(len(choices))] }

// maybe returns a text or nothing.
func (g *generator) maybe(percent int, text func() string) string {
	if g.IntN(100) < percent {
		return text()
	}
	return ""
}

func (g *generator) not() string { return g.maybe(20, func() string { return "! " }) }

// ruleset is a text for iptables-restore.
func (g *generator) ruleset() string {
	// INPUT of nat has none: the backends call it at different places (see ways in walk.go).
	tables := []struct {
		name   string
		chains []string
	}{{"raw", []string{"PREROUTING"}}, {"mangle", []string{"PREROUTING", "INPUT", "FORWARD", "POSTROUTING"}},
		{"nat", []string{"PREROUTING", "POSTROUTING"}}, {"filter", []string{"INPUT", "FORWARD"}}}
	if g.sends {
		tables[0].chains, tables[1].chains = []string{"OUTPUT"}, []string{"OUTPUT", "POSTROUTING"}
		tables[2].chains, tables[3].chains = []string{"POSTROUTING"}, []string{"OUTPUT"}
	}
	text := ""
	for _, t := range tables {
		if t.name != "filter" && g.IntN(2) == 0 {
			t.chains = nil
		}
		text += g.table(t.name, t.chains)
	}
	return ofFamily(text, g.family)
}

// users are the user chains of a table: each leads only to those behind it.
var users = []string{"A", "B", "C", "D"}

func (g *generator) table(name string, chains []string) string {
	text := "*" + name + "\n"
	for _, c := range builtIn[name] {
		policy := "ACCEPT"
		if name == "filter" && g.IntN(3) == 0 {
			policy = "DROP"
		}
		text += fmt.Sprintf(":%s %s [0:0]\n", c, policy)
	}
	for _, c := range users {
		text += fmt.Sprintf(":%s - [0:0]\n", c)
	}
	for _, c := range chains {
		for range 1 + g.IntN(6) {
			text += g.rule(name, c, users)
		}
	}
	for i, c := range users {
		for range g.IntN(5) * min(len(chains), 1) {
			text += g.rule(name, c, users[i+1:])
		}
	}
	return text + "COMMIT\n"
}

var builtIn = map[string][]string{
	"raw": {"PREROUTING", "OUTPUT"}, "mangle": {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"},
	"nat": {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}, "filter": {"INPUT", "FORWARD", "OUTPUT"},
}

// rule is a random rule of a chain that may lead to others.
func (g *generator) rule(table, chain string, to []string) string {
	protocol := g.of("", "", "tcp", "tcp", "udp", "icmp", "sctp")
	text := "-A " + chain
	if protocol != "" {
		text += " -p " + g.protocol(protocol)
	}
	for range g.IntN(3) {
		text += " " + g.match(table, chain, protocol)
	}
	return text + g.target(table, chain, protocol, to) + "\n"
}

func (g *generator) protocol(name string) string {
	if name == "icmp" && g.family == ruleset.V6 {
		return "ipv6-icmp"
	}
	return name
}

// match is a random match, after "-p".
func (g *generator) match(table, chain, protocol string) string {
	address := g.not() + g.of("-s ", "-d ") + g.prefix()
	switch g.IntN(14) {
	case 0, 1:
		return address
	case 2, 3, 4:
		return g.transport(protocol)
	case 5, 6:
		if table == "raw" {
			return address
		}
		return g.conntrack()
	case 7, 8:
		return g.set()
	case 9:
		return "-m mark " + g.not() + "--mark " + g.of("0x1", "0x1/0x1", "0x2/0x3", "0x0/0xff")
	case 10:
		return g.of("-m length --length 0:200", "-m length ! --length 100:700", "-m dscp --dscp 0x0a", "-m dscp ! --dscp 0x0a", g.hops())
	case 11:
		return g.of("-m addrtype --dst-type LOCAL", "-m addrtype ! --dst-type LOCAL", "-m addrtype --dst-type MULTICAST",
			"-m iprange "+g.not()+g.spans(), "-m limit --limit 10000/sec --limit-burst 10000")
	}
	return g.device(chain)
}

func (g *generator) hops() string {
	if g.family == ruleset.V6 {
		return g.of("-m hl --hl-lt 64", "-m hl --hl-gt 60", "-m hl --hl-eq 64", "-m hl ! --hl-eq 64")
	}
	return g.of("-m ttl --ttl-lt 64", "-m ttl --ttl-gt 60", "-m ttl --ttl-eq 64", "-m ttl ! --ttl-eq 64")
}

func (g *generator) spans() string {
	if g.family == ruleset.V6 {
		return g.of("--src-range 2001:db8:9::-2001:db8:9:2::", "--dst-range fd00:9:1::-fd00:9:2::5")
	}
	return g.of("--src-range 100.64.0.0-100.64.3.99", "--dst-range 10.9.0.7-10.9.2.1")
}

func (g *generator) prefix() string {
	if g.family == ruleset.V6 {
		return g.of("2001:db8:9::/50", "2001:db8:9:80::/58", "2001:db8::1/128", "fd00:9:1::/64", "2001:db8:1::/48", "fd00:9::/33")
	}
	return g.of("100.64.0.0/17", "100.64.1.0/24", "100.64.0.128/25", "192.0.2.1/32", "10.9.1.0/24", "198.51.100.0/24", "10.9.0.0/22")
}

// device asks for the interface, where the chain has one.
func (g *generator) device(chain string) string {
	name := g.of("eth0", "lan0", "docker0", "docker+", "br-+", "lo")
	in, out := "-i "+name, "-o "+name
	switch chain {
	case "PREROUTING", "INPUT":
		return g.not() + in
	case "OUTPUT", "POSTROUTING":
		return g.not() + out
	}
	if g.sends {
		return g.not() + out
	}
	return g.not() + g.of(in, in, out)
}

// ports are those that packets use, alone and in ranges.
func (g *generator) port() string {
	return g.of("22", "80", "443", "53", "1024:65535", "0:1023", "80:443", "32768:60999")
}

func (g *generator) transport(protocol string) string {
	switch protocol {
	case "tcp":
		return g.of("-m tcp "+g.not()+"--dport "+g.port(), "-m tcp --sport "+g.port(), "-m tcp "+g.not()+"--tcp-flags FIN,SYN,RST,ACK SYN",
			"-m tcp --tcp-flags "+g.of("SYN,ACK ACK", "FIN,URG,PSH NONE", "RST RST", "FIN,SYN FIN,SYN", "FIN,SYN,RST,PSH,ACK,URG SYN"), g.multiport())
	case "udp", "sctp":
		return g.of("-m "+protocol+" "+g.not()+"--dport "+g.port(), "-m "+protocol+" --sport "+g.port(), g.multiport())
	case "icmp":
		if g.family == ruleset.V6 {
			return "-m icmp6 " + g.not() + "--icmpv6-type " + g.of("128", "129", "1", "1/4", "135", "3")
		}
		return "-m icmp " + g.not() + "--icmp-type " + g.of("8", "0", "3", "3/3", "11", "any")
	}
	return g.not() + "-s " + g.prefix()
}

func (g *generator) multiport() string {
	return "-m multiport " + g.not() + g.of("--dports 22,80,443", "--sports 53,1024:65535", "--ports 22,53", "--dports 1:100,400:500")
}

func (g *generator) conntrack() string {
	if g.IntN(10) == 0 {
		return "-m conntrack --ctdir ORIGINAL"
	}
	return "-m conntrack " + g.not() + g.of("--ctstate NEW", "--ctstate INVALID", "--ctstate RELATED,ESTABLISHED", "--ctstate UNTRACKED", "--ctstate INVALID,NEW",
		"--ctstate DNAT", "--ctstatus CONFIRMED", "--ctstatus ASSURED", "--ctorigdstport 80", "--ctorigsrcport 1024:65535", "--ctstate SNAT")
}

func (g *generator) set() string {
	known := "--match-set " + g.of("few", "half", "many", "here", "either", "either") + " " + g.of("src", "dst")
	switch g.IntN(4) {
	case 0:
		return "-m set " + g.not() + "--match-set " + g.of("filled src", "pairs src,dst", "counting src")
	case 1:
		return "-m set --match-set counting src ! --update-counters --packets-gt " + g.of("10", "20", "30")
	}
	return "-m set " + g.not() + known
}

// target is a random target, or a jump to another chain.
func (g *generator) target(table, chain, protocol string, to []string) string {
	jump := ""
	if len(to) > 0 {
		jump = g.of(" -j ", " -j ", " -g ") + g.of(to...)
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		return jump
	case 3:
		return " -j RETURN"
	case 4:
		return " -j SET " + g.of("--add-set filled src --exist", "--del-set filled src", "--add-set pairs src,dst --exist", "--add-set counting src --exist",
			"--del-set counting src", "--add-set counting src")
	case 5:
		return ""
	}
	return " -j " + g.verdict(table, chain, protocol)
}

func (g *generator) verdict(table, chain, protocol string) string {
	ports := protocol == "tcp" || protocol == "udp"
	switch table {
	case "raw":
		return g.of("CT --notrack", "CT --notrack", "ACCEPT", "DROP")
	case "mangle":
		if chain == "POSTROUTING" {
			return g.of("ACCEPT", "MARK --set-xmark 0x2/0xffffffff")
		}
		return g.of("MARK --set-xmark 0x1/0xffffffff", "MARK --set-xmark 0x2/0x2", "MARK --set-xmark 0x3/0x0", "DSCP --set-dscp 0x0a", "ACCEPT", "DROP")
	case "nat":
		return g.translation(chain, ports)
	}
	reject := "REJECT --reject-with " + map[ruleset.Family]string{ruleset.V4: "icmp-port-unreachable", ruleset.V6: "icmp6-port-unreachable"}[g.family]
	if protocol == "tcp" && g.IntN(2) == 0 {
		reject = "REJECT --reject-with tcp-reset"
	}
	if g.sends {
		reject = "DROP"
	}
	return g.of("ACCEPT", "ACCEPT", "DROP", reject)
}

// translation is a target of table nat. User chains are for any hook of it: they have none
// that only one hook takes.
func (g *generator) translation(chain string, ports bool) string {
	to := map[ruleset.Family]string{ruleset.V4: "10.9.1.2", ruleset.V6: "fd00:9:1::2"}[g.family]
	switch {
	case chain == "PREROUTING" && ports:
		withPort := strings.NewReplacer("10.9.1.2", "10.9.1.2:80", "fd00:9:1::2", "[fd00:9:1::2]:80").Replace(to)
		return g.of("DNAT --to-destination "+to, "DNAT --to-destination "+withPort, "REDIRECT --to-ports 80", "REDIRECT", "ACCEPT")
	case chain == "PREROUTING":
		return g.of("DNAT --to-destination "+to, "REDIRECT", "ACCEPT")
	case chain == "POSTROUTING":
		return g.of("MASQUERADE", "ACCEPT", "ACCEPT")
	}
	return "ACCEPT"
}
