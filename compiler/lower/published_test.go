package lower_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// mangle returns what the lowering of a text has in mangle, and nothing else.
func mangle(t *testing.T, text string) *ruleset.Ruleset {
	t.Helper()
	rs := lowered(t, text)
	rs.Tables = slices.DeleteFunc(rs.Tables, func(table ruleset.Table) bool { return table.Name != "mangle" })
	return rs
}

var publishedEverything = strings.Replace(everything, `forward = "drop"`, `forward = "published"`, 1)

// TestPublishedWay shows the order in which a forwarded packet meets the
// defences. Ports are those that the client asked for.
func TestPublishedWay(t *testing.T) {
	rs := mangle(t, publishedEverything)
	expect(t, rs, ruleset.V4, "FORWARD", `
		-p tcp -m tcp --tcp-flags RST,ACK ACK -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
		-p tcp -m tcp --tcp-flags RST RST -m conntrack --ctstate DNAT -j HARDENCTL-UNSERVED
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
		-p icmp -m icmp --icmp-type 3/3 -m conntrack --ctstate DNAT -j HARDENCTL-UNSERVED
		-p icmp -m icmp --icmp-type 3/1 -m conntrack --ctstate DNAT -j HARDENCTL-UNSERVED
		-m conntrack ! --ctstate DNAT -j RETURN
		-p udp -m conntrack --ctorigdstport 443 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP
		-p udp -m conntrack --ctorigdstport 53 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP
		! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
		-m set --match-set hardenctl-trusted-v4 src -g HARDENCTL-TRUSTED
		-m set --match-set hardenctl-block-v4 src -j HARDENCTL-DROP-BLOCK
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN -j DROP
		-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-BANNED
		-p tcp -m conntrack --ctorigdstport 22 -m set --match-set hardenctl-f-abcdefghijklmnop-v4 src -g HARDENCTL-S-ABCDEFGHIJKLMNOP
		-p udp -m conntrack --ctorigdstport 53 -m set --match-set hardenctl-crawlers-crawler-v4 src -g HARDENCTL-S-DNS
		-p tcp -m conntrack --ctorigdstport 2222 -m set --match-set hardenctl-k-cbcdefghijklmnop-v4 src -j RETURN
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j HARDENCTL-FINGERPRINT
		-p tcp -m conntrack --ctorigdstport 443 -g HARDENCTL-S-BBCDEFGHIJKLMNOP
		-p udp -m conntrack --ctorigdstport 443 -g HARDENCTL-S-BBCDEFGHIJKLMNOP
		-p icmp -j DROP
		-p tcp -m set --match-set hardenctl-1-cbcdefghijklmnop-v4 src -j HARDENCTL-0-CBCDEFGHIJKLMNOP
		-p udp -m set --match-set hardenctl-1-cbcdefghijklmnop-v4 src -j HARDENCTL-0-CBCDEFGHIJKLMNOP
		-j HARDENCTL-PROBE`)
	expect(t, rs, ruleset.V6, "TRUSTED", `
		-p tcp -m conntrack --ctorigdstport 22 -m set --match-set hardenctl-admin-v6 src -j RETURN
		-p tcp -m conntrack --ctorigdstport 22 -m set --match-set hardenctl-f-abcdefghijklmnop-v6 src -g HARDENCTL-S-ABCDEFGHIJKLMNOP
		-p tcp -m conntrack --ctorigdstport 443 -j RETURN
		-p udp -m conntrack --ctorigdstport 443 -j RETURN
		-p udp -m conntrack --ctorigdstport 53 -m set --match-set hardenctl-crawlers-crawler-v6 src -j RETURN
		-p tcp -m conntrack --ctorigdstport 2222 -m set --match-set hardenctl-k-cbcdefghijklmnop-v6 src -j RETURN
		-p tcp -m set --match-set hardenctl-1-cbcdefghijklmnop-v6 src -j HARDENCTL-0-CBCDEFGHIJKLMNOP
		-p udp -m set --match-set hardenctl-1-cbcdefghijklmnop-v6 src -j HARDENCTL-0-CBCDEFGHIJKLMNOP
		-j HARDENCTL-DROP-TRUSTED`)
	expect(t, rs, ruleset.V4, "S-ABCDEFGHIJKLMNOP", `
		-m recent --rcheck --seconds 60 --reap --hitcount 10 --name hardenctl-s-abcdefghijklmnop-v4 --mask 255.255.255.255 --rsource -j HARDENCTL-DROP-LIMIT
		-m recent --set --name hardenctl-s-abcdefghijklmnop-v4 --mask 255.255.255.255 --rsource
		-j RETURN`)
}

func TestPublished(t *testing.T) {
	for _, e := range []example{
		{"each range a rule", `services.a.ports = ["tcp/80", "tcp/8000-8100"]`, ruleset.V4, "FORWARD", `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-m conntrack ! --ctstate DNAT -j RETURN
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-p tcp -m conntrack --ctorigdstport 80 -j RETURN
			-p tcp -m conntrack --ctorigdstport 8000:8100 -j RETURN
			-p icmp -j DROP
			-j DROP`},
		{"callers are counted on both ways", `services.a = { ports = ["tcp/80"], connections_per_source = 2000 }`, ruleset.V4, "S-A", `
			-p tcp -m set --match-set hardenctl-callers-v4 src --packets-gt 250 -m connlimit --connlimit-above 1750 --connlimit-mask 32 --connlimit-saddr -j DROP
			-p tcp -m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist
			-j RETURN`},
		{"an inside", `policy.inside = ["docker0", "br-+"]`, ruleset.V6, "FORWARD", `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-i docker0 -j RETURN
			-i br-+ -j RETURN
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-m conntrack ! --ctstate DNAT -j DROP
			-p ipv6-icmp -j DROP
			-j DROP`},
		{"an inside without IPv6", "policy.inside = [\"docker0\"]\npolicy.ipv6 = false", ruleset.V6, "FORWARD", `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-m conntrack ! --ctstate DNAT -j DROP
			-p ipv6-icmp -j DROP
			-j DROP`},
		{"no IPv6", "policy.ipv6 = false\naccess.admin = [\"2001:db8::1\"]\nservices.a = { ports = [\"tcp/80\"], admin = true }", ruleset.V6, "FORWARD", `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-m conntrack ! --ctstate DNAT -j RETURN
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
			-p ipv6-icmp -j DROP
			-j DROP`},
		{"REJECT exists in filter only", "policy.input = \"reject\"\nscan = { probes = 10, ban = \"1h\", ban_repeat = \"1h\" }", ruleset.V4, "BAN", `
			-m set ! --match-set hardenctl-ban-v4 src -m limit --limit 13/sec --limit-burst 7168 -j SET --add-set hardenctl-ban-v4 src --exist
			-m set ! --match-set hardenctl-ban-v4 src -j DROP
			-j DROP`},
	} {
		t.Run(e.name, func(t *testing.T) {
			expect(t, mangle(t, "policy.forward = \"published\"\n"+e.text), e.family, e.chain, e.want)
		})
	}
}

// asked are the parts that decide about a packet once it is known to be no open
// connection, in order, each once.
func asked(rs *ruleset.Ruleset, table, chain string) []string {
	var parts []string
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			if t.Family != ruleset.V4 || t.Name != table || c.Name != ruleset.ChainPrefix+chain {
				continue
			}
			first := slices.IndexFunc(c.Rules, func(r ruleset.Rule) bool { return r.Comment == "access: trusted sources" })
			for _, r := range c.Rules[first:] {
				parts = append(parts, r.Comment)
			}
		}
	}
	return slices.Compact(parts)
}

// TestPublishedAsksTheSame holds that a published port is defended as the host
// is. A defence that is new in INPUT belongs here too, or among these.
func TestPublishedAsksTheSame(t *testing.T) {
	otherwise := []string{
		"scan: stealth", "scan: not a first packet", "policy: invalid", // conntrack has sorted most of it out before nat
		"policy: sent to all", // nat leaves it alone
		"policy: unserved", "policy: published, not stated",
		"knocks.cbcdefghijklmnop", "knocks.cbcdefghijklmnop: a wrong port", // a knock is heard at this host only
	}
	for _, scope := range []string{"everything", "hidden"} {
		text := strings.Replace(publishedEverything, `scope = "everything"`, `scope = "`+scope+`"`, 1)
		rs := lowered(t, text+"[fail2ban]\nenabled = true\nscope = \""+scope+"\"\n")
		input, forward := asked(rs, "filter", "INPUT"), asked(rs, "mangle", "FORWARD")
		for _, parts := range []*[]string{&input, &forward} {
			*parts = slices.DeleteFunc(*parts, func(p string) bool { return slices.Contains(otherwise, p) })
		}
		if !slices.Equal(input, forward) || len(input) < 8 {
			t.Errorf("scope %q: INPUT asks\n%q\nand a published port\n%q", scope, input, forward)
		}
	}
}

// TestPublishedAcceptsNothing holds that the rules of others see whatever is
// not refused here: nothing of ours in mangle accepts.
func TestPublishedAcceptsNothing(t *testing.T) {
	for _, table := range mangle(t, publishedEverything).Tables {
		for _, c := range table.Chains {
			if c.BuiltIn() && (c.Policy != ruleset.PolicyAccept || c.Owned) {
				t.Errorf("%s has the policy %s", c.Name, c.Policy)
			}
			for _, r := range c.Rules {
				if r.Target == ruleset.Accept {
					t.Errorf("%s: %s", c.Name, emit.Rule(table.Family, r))
				}
			}
		}
	}
}

// TestPublishedShares holds that a source has one allowance, whether it asks
// the host or what the host publishes: the kernel's tables of a limit bear the
// same names in both.
func TestPublishedShares(t *testing.T) {
	rates := map[string]map[ruleset.SourceRate]bool{}
	for _, table := range lowered(t, publishedEverything).Tables {
		if rates[table.Name] == nil {
			rates[table.Name] = map[ruleset.SourceRate]bool{}
		}
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				for _, m := range r.Matches {
					if rate, ok := m.(ruleset.SourceRate); ok && !rate.UpTo {
						rates[table.Name][rate] = true
					}
				}
			}
		}
	}
	if len(rates["mangle"]) < 6 {
		t.Errorf("mangle has only the limits %v", rates["mangle"])
	}
	for rate := range rates["mangle"] {
		if !rates["filter"][rate] {
			t.Errorf("filter has no %+v", rate)
		}
	}
}
