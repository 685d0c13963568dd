package lower_test

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestBanScope shows where a ban is asked: before every service, or behind the
// services, so that forged packets cost no source a service.
func TestBanScope(t *testing.T) {
	const services = "services.web.ports = [\"tcp/80\"]\nservices.ssh = { ports = [\"tcp/22\"], from = [\"192.0.2.7\"] }\n"
	run(t, []example{
		{"everything", services + `scan = { probes = 10, scope = "everything" }`, ruleset.V4, "INPUT", `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-i lo -j ACCEPT
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-d 224.0.0.0/4 -p igmp -j ACCEPT
			-m conntrack --ctstate INVALID -j DROP
			-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-BANNED
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT
			-p tcp -m tcp --dport 80 -j ACCEPT
			-p icmp -j DROP
			-j HARDENCTL-PROBE`},
		{"hidden", services + `scan = { probes = 10, scope = "hidden" }`, ruleset.V4, "INPUT", `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-i lo -j ACCEPT
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-d 224.0.0.0/4 -p igmp -j ACCEPT
			-m conntrack --ctstate INVALID -j DROP
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT
			-p tcp -m tcp --dport 80 -j ACCEPT
			-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-BANNED
			-p icmp -j DROP
			-j HARDENCTL-PROBE`},
	})
}

// TestProbes shows how a probe is counted: a port once for each source and window, if
// there is room to remember it, and what is too much leads to a ban.
func TestProbes(t *testing.T) {
	const (
		banned = `
			-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-RENEW`
		port = `
			-m set --match-set hardenctl-seen-v4 src,dst -j DROP
			-m limit --limit 1250/sec --limit-burst 10000 -j SET --add-set hardenctl-seen-v4 src,dst --exist
			-j HARDENCTL-RUSH
			-m set ! --match-set hardenctl-seen-v4 src,dst -j DROP`
		source = `
			-m set --match-set hardenctl-scan-v4 src --packets-gt 10 -j HARDENCTL-BAN
			-m set ! --match-set hardenctl-scan-v4 src ! --update-counters -j SET --add-set hardenctl-scan-v4 src --exist`
		slow = `
			-m set ! --match-set hardenctl-seen-slow-v4 src,dst -j HARDENCTL-SLOW`
		recent = `
			-m recent --set --name hardenctl-scan-v4 --mask 255.255.255.255 --rsource
			-m recent --rcheck --seconds 60 --reap --hitcount 11 --name hardenctl-scan-v4 --mask 255.255.255.255 --rsource -j HARDENCTL-BAN`
		slowPort = `
			-m limit --limit 72/min --limit-burst 10000 -j SET --add-set hardenctl-seen-slow-v4 src,dst --exist
			-m set ! --match-set hardenctl-seen-slow-v4 src,dst -j RETURN`
		end = `
			-j DROP`
		slower = `scan = { probes = 10, window = "60s", slow = { probes = 30, window = "1d" } }`
	)
	by := func(engine, slow string) string {
		return `scan = { probes = 10, window = "60s", engine = "` + engine + `"` + slow + " }"
	}
	run(t, []example{
		{"so many are looked at", `scan = { probes = 10, window = "60s" }`, ruleset.V4, "PROBE", `
			-m limit --limit 2500/sec --limit-burst 10000 -j HARDENCTL-SORT
			-j DROP`},
		{"what is not a probe", `scan = { probes = 10, window = "60s" }`, ruleset.V6, "SORT", `
			-m addrtype --src-type LOCAL -j DROP
			-s fe80::/10 -j DROP
			-m addrtype --dst-type MULTICAST -j DROP
			-p tcp -j HARDENCTL-COUNT
			-p udp -j HARDENCTL-STRAY
			-p udp -j HARDENCTL-COUNT
			-j DROP`},
		{"of a banned source, by its flags", `scan = { probes = 10, window = "60s", stealth = true }`, ruleset.V4, "COUNT", banned + port + source + end},
		{"by sets", `scan = { probes = 10, window = "60s" }`, ruleset.V4, "COUNT", port + source + end},
		{"a rush", `scan = { probes = 10, window = "60s" }`, ruleset.V4, "RUSH", `
			-m set --match-set hardenctl-seen-rush-v4 src,dst -m set ! --match-set hardenctl-seen-v4 src,dst -j DROP
			-m set --match-set hardenctl-seen-rush-v4 src,dst -j RETURN
			-j SET --add-set hardenctl-seen-rush-v4 src,dst --exist
			-m set ! --match-set hardenctl-seen-rush-v4 src,dst -j RETURN
			-m set --match-set hardenctl-rush-v4 src --packets-gt 10 -j HARDENCTL-BAN
			-m set ! --match-set hardenctl-rush-v4 src ! --update-counters -j SET --add-set hardenctl-rush-v4 src --exist`},
		{"a slow window beside", slower, ruleset.V4, "COUNT", port + source + slow + end},
		{"the slow window", slower, ruleset.V4, "SLOW", slowPort + `
			-m set --match-set hardenctl-slow-v4 src --packets-gt 30 -j HARDENCTL-BAN
			-m set ! --match-set hardenctl-slow-v4 src ! --update-counters -j SET --add-set hardenctl-slow-v4 src --exist`},
		{"by hashlimit", by("hashlimit", ""), ruleset.V4, "COUNT", port + `
			-m hashlimit --hashlimit-above 10/min --hashlimit-burst 10 … -j HARDENCTL-BAN` + end},
		{"remembered for the window", `scan = { probes = 10, window = "1h30m", engine = "hashlimit" }`, ruleset.V4, "COUNT", `
			-m set --match-set hardenctl-seen-v4 src,dst -j DROP
			-m limit --limit 18/sec --limit-burst 10000 -j SET --add-set hardenctl-seen-v4 src,dst --exist
			-j HARDENCTL-RUSH
			-m set ! --match-set hardenctl-seen-v4 src,dst -j DROP
			-m hashlimit --hashlimit-above 160/day --hashlimit-burst 10 … --hashlimit-htable-expire 5400000 -j HARDENCTL-BAN` + end},
		{"by recent: the probe after the last free one", by("recent", ""), ruleset.V4, "COUNT", port + recent + end},
		{"an IPv6 source is a /64", by("sets", ""), ruleset.V6, "COUNT", strings.ReplaceAll(port, "-v4", "-v6") + nearby("1/min", "", "DROP") +
			strings.ReplaceAll(source+end, "-v4", "-v6")},
		{"in a rush too", by("sets", ""), ruleset.V6, "RUSH", `
			-m set --match-set hardenctl-seen-rush-v6 src,dst -m set ! --match-set hardenctl-seen-v6 src,dst -j DROP
			-m set --match-set hardenctl-seen-rush-v6 src,dst -j RETURN
			-j SET --add-set hardenctl-seen-rush-v6 src,dst --exist
			-m set ! --match-set hardenctl-seen-rush-v6 src,dst -j RETURN` +
			nearby("2/min", " --hashlimit-htable-expire 30000", "RETURN") + `
			-m set --match-set hardenctl-rush-v6 src --packets-gt 10 -j HARDENCTL-BAN
			-m set ! --match-set hardenctl-rush-v6 src ! --update-counters -j SET --add-set hardenctl-rush-v6 src --exist`},
		{"and slowly", slower, ruleset.V6, "SLOW", strings.ReplaceAll(slowPort, "-v4", "-v6") + nearby("1/day", "", "RETURN") + `
			-m set --match-set hardenctl-slow-v6 src --packets-gt 30 -j HARDENCTL-BAN
			-m set ! --match-set hardenctl-slow-v6 src ! --update-counters -j SET --add-set hardenctl-slow-v6 src --exist`},
		{"by hashlimit too", by("hashlimit", ""), ruleset.V6, "COUNT", strings.ReplaceAll(port, "-v4", "-v6") + nearby("1/min", "", "DROP") + `
			-m hashlimit --hashlimit-above 10/min --hashlimit-burst 10 … --hashlimit-srcmask 64 -j HARDENCTL-BAN` + end},
		{"a slow window by hashlimit", by("hashlimit", `, slow = { probes = 30, window = "1d" }`), ruleset.V4, "SLOW", slowPort + `
			-m hashlimit --hashlimit-above 30/day --hashlimit-burst 30 … -j HARDENCTL-BAN`},
		{"a slow window by recent", by("recent", `, slow = { probes = 30, window = "1d" }`), ruleset.V4, "SLOW", slowPort + `
			-m recent --set --name hardenctl-slow-v4 --mask 255.255.255.255 --rsource
			-m recent --rcheck --seconds 86400 --reap --hitcount 31 --name hardenctl-slow-v4 --mask 255.255.255.255 --rsource -j HARDENCTL-BAN`},
		{"tripwires", `scan = { probes = 10, window = "60s", tripwires = ["tcp/3389", "udp/69", "tcp/23"] }`, ruleset.V4, "COUNT", `
			-p tcp -m multiport --dports 23,3389 -j HARDENCTL-BAN
			-p udp -m udp --dport 69 -j HARDENCTL-BAN` + port + source + end},
		{"no source is banned", `scan.stealth = true`, ruleset.V4, "PROBE", ``},
	})
}

// nearby are the rules by which a port counts once for a /64.
func nearby(rate, expire, end string) (rules string) {
	for _, protocol := range []string{"tcp", "udp"} {
		rules += `
			-p ` + protocol + ` -m hashlimit --hashlimit-above ` + rate + ` --hashlimit-burst 1 …,dstport` + expire + ` --hashlimit-srcmask 64 -j ` + end
	}
	return rules
}

// TestWindowsCountApart holds that two windows of one length share no table: in one,
// each port would count twice.
func TestWindowsCountApart(t *testing.T) {
	rs := lowered(t, `scan = { probes = 10, window = "2s", engine = "hashlimit" }`)
	tables := map[string]bool{}
	for _, c := range rs.Tables[0].Chains {
		for _, r := range c.Rules {
			m, limits := firstMatch(r).(ruleset.SourceRate)
			if !limits || r.Target != (ruleset.Jump{Chain: ruleset.ChainPrefix + "BAN"}) {
				continue
			}
			if tables[m.Name] {
				t.Errorf("%s: %q counts in a table that another window has", c.Name, r.Comment)
			}
			tables[m.Name] = true
		}
	}
	if len(tables) != 2 {
		t.Errorf("%d windows have tables, want 2", len(tables))
	}
}

// TestStealth shows that only a plain SYN opens a connection, and that flags
// which no stack sends are probes.
func TestStealth(t *testing.T) {
	want := func(family, target string) string {
		return `
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN -j RETURN
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j ` + target + `
		-p tcp -m tcp --tcp-flags FIN,ACK FIN -j ` + target + `
		-p tcp -m tcp --tcp-flags PSH,ACK PSH -j ` + target + `
		-p tcp -m tcp --tcp-flags ACK,URG URG -j ` + target + `
		-p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j ` + target + `
		-p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j ` + target + `
		-p tcp -m tcp --tcp-flags FIN,RST FIN,RST -j ` + target + `
		-j DROP`
	}
	run(t, []example{
		{"counted", "scan = { probes = 10, stealth = true }", ruleset.V4, "STEALTH", want("v4", "HARDENCTL-PROBE")},
		{"IPv6 too", "scan = { probes = 10, stealth = true }", ruleset.V6, "STEALTH", want("v6", "HARDENCTL-PROBE")},
		{"without a ban", "scan.stealth = true", ruleset.V4, "STEALTH", want("v4", "DROP")},
		{"not asked for", "scan.probes = 10", ruleset.V4, "STEALTH", ``},
	})
}

// TestImpossible holds the table of flags against its own claim, for all 64
// combinations: what a stack sends as the first or a later segment is never
// a probe, and nmap's scans are.
func TestImpossible(t *testing.T) {
	const fin, syn, rst, psh, ack, urg = ruleset.FIN, ruleset.SYN, ruleset.RST, ruleset.PSH, ruleset.ACK, ruleset.URG
	honest := []ruleset.Flag{
		syn, syn | ack, ack, ack | psh, ack | urg, ack | psh | urg, rst, rst | ack, rst | psh | ack,
		fin | ack, fin | psh | ack, fin | urg | ack, fin | psh | urg | ack,
	}
	isHonest := map[ruleset.Flag]bool{}
	for _, f := range honest {
		isHonest[f] = true
	}
	rules := stealthRules(t)
	for f := ruleset.Flag(0); f <= ruleset.AllFlags; f++ {
		switch probe := isProbe(rules, f); {
		case isHonest[f] && probe:
			t.Errorf("flags %06b are sent by ordinary stacks, and count as a probe", f)
		case (f == 0 || f == fin || f == fin|psh|urg || f == syn|fin || f == ruleset.AllFlags || f == syn|rst || f == fin|rst) && !probe:
			t.Errorf("flags %06b are those of a scan, and do not count", f)
		}
	}
}

func stealthRules(t *testing.T) []ruleset.Rule {
	t.Helper()
	for _, c := range lowered(t, "scan = { probes = 10, stealth = true }").Tables[0].Chains {
		if c.Name == ruleset.ChainPrefix+"STEALTH" {
			return c.Rules
		}
	}
	t.Fatal("there is no STEALTH chain")
	return nil
}

// isProbe reports whether the first rule that matches the flags leads to PROBE.
func isProbe(rules []ruleset.Rule, flags ruleset.Flag) bool {
	for _, r := range rules {
		m, aboutFlags := firstMatch(r).(ruleset.TCPFlags)
		if aboutFlags && flags&m.Mask == m.Set {
			return r.Target == ruleset.Jump{Chain: ruleset.ChainPrefix + "PROBE"}
		}
	}
	return false
}

// firstMatch is nil for a rule that matches everything.
func firstMatch(r ruleset.Rule) ruleset.Match {
	if len(r.Matches) == 0 {
		return nil
	}
	return r.Matches[0]
}

// TestEndings shows what meets a packet that no rule accepts.
func TestEndings(t *testing.T) {
	const logged = "log = { rate = \"5/minute\", prefix = \"no: \" }\n"
	run(t, []example{
		{"drop, logged", logged, ruleset.V4, "DROP-SCAN", `
			-m limit --limit 1000/sec --limit-burst 1000 -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 3 … --hashlimit-htable-expire 180000 -m limit --limit 5/min -j LOG --log-prefix "no: scan "
			-j DROP`},
		{"drop without a log", ``, ruleset.V4, "DROP-SCAN", ``},
		{"reject, logged", logged + `policy.input = "reject"`, ruleset.V4, "REJECT-SCAN", `
			-m limit --limit 1000/sec --limit-burst 1000 -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 3 … --hashlimit-htable-expire 180000 -m limit --limit 5/min -j LOG --log-prefix "no: scan "
			-p tcp -j REJECT --reject-with tcp-reset
			-j REJECT --reject-with icmp-port-unreachable`},
		{"reject by ICMPv6", `policy.input = "reject"`, ruleset.V6, "REJECT", `
			-p tcp -j REJECT --reject-with tcp-reset
			-j REJECT --reject-with icmp6-port-unreachable`},
		{"forward", `policy.forward = "drop"`, ruleset.V6, "FORWARD", `
			-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-j DROP`},
		{"forward left alone", ``, ruleset.V6, "FORWARD", ``},
	})
}
