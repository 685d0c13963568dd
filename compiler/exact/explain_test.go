package exact

import (
	"fmt"
	"strings"
	"testing"
)

// explain returns the explanation of a packet in few words: verdict, rule and
// exceptions.
func explain(t *testing.T, rules, sets, packet string) string {
	t.Helper()
	p, err := ParsePacket(packet)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(p.Family, []byte(rules), []byte(sets))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Explain(f, HookOf(p), p)
	if err != nil {
		t.Fatal(err)
	}
	return said(e)
}

func said(e *Explanation) string {
	text := fmt.Sprintf("%v by %s %d", e.Verdict, e.By.Chain, e.By.Number)
	for _, x := range e.Unless {
		text += fmt.Sprintf("; %v by %s %d if %s", x.Verdict, x.By.Chain, x.By.Number, strings.Join(x.Conditions, " and "))
	}
	return text
}

// filter is a table with rules.
func filter(policy string, rules ...string) string {
	return "*filter\n:INPUT " + policy + " [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n" + strings.Join(rules, "\n") + "\nCOMMIT\n"
}

func TestExplain(t *testing.T) {
	sets := "create office hash:net family inet\nadd office 192.0.2.0/24\ncreate ban hash:ip family inet timeout 60\n"
	for _, c := range []struct {
		name, packet, want string
		rules              []string
	}{
		{"the first rule that matches decides", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 2", []string{
			"-A INPUT -p udp -m udp --dport 22 -j DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp -j REJECT --reject-with tcp-reset"}},
		{"the policy is for the rest", "tcp 192.0.2.7:40000 -> :23 syn", "drop by INPUT 0", []string{"-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"}},
		{"reject", "udp 192.0.2.7:40000 -> :53", "reject with icmp-port-unreachable by INPUT 1", []string{"-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable"}},
		{"IP in IP, and a protocol that has its name", "4 192.0.2.7 -> 192.0.2.1", "accept by INPUT 2", []string{
			"-A INPUT -p ipip -j DROP", "-A INPUT -p ipencap -j ACCEPT"}},
		{"a protocol that few know", "98 192.0.2.7 -> 192.0.2.1", "accept by INPUT 1", []string{"-A INPUT -p encap -j ACCEPT"}},
		{"negation", "tcp 192.0.2.7:40000 -> :22 syn", "drop by INPUT 0", []string{"-A INPUT ! -p udp -m tcp ! --dport 22 -j ACCEPT"}},
		{"multiport", "tcp 192.0.2.7:40000 -> :8050 syn", "accept by INPUT 1", []string{"-A INPUT -p tcp -m multiport --dports 22,8000:8100 -j ACCEPT"}},
		{"a protocol without an option", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 1", []string{"-A INPUT -p tcp -m tcp -j ACCEPT"}},
		{"a netmask", "tcp 10.1.2.3:40000 -> :22 syn", "accept by INPUT 1", []string{"-A INPUT -s 10.0.0.0/255.0.0.0 -j ACCEPT"}},
		{"iprange", "tcp 192.0.2.9:40000 -> :22 syn", "accept by INPUT 2", []string{
			"-A INPUT -m iprange --src-range 192.0.2.1-192.0.2.8 -j DROP", "-A INPUT -m iprange --src-range 192.0.2.9-192.0.2.10 -j ACCEPT"}},
		{"return goes on behind the jump", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 2", []string{
			"-A INPUT -j A", "-A INPUT -j ACCEPT", "-A A -p tcp -j RETURN", "-A A -j DROP"}},
		{"goto does not come back", "tcp 192.0.2.7:40000 -> :22 syn", "drop by INPUT 0", []string{
			"-A INPUT -j A", "-A INPUT -g B", "-A INPUT -j ACCEPT", "-A B -j RETURN"}},
		{"goto comes back where its chain would", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 2", []string{
			"-A INPUT -j A", "-A INPUT -j ACCEPT", "-A A -g B", "-A A -j DROP", "-A B -p udp -j DROP"}},
		{"flags", "tcp 192.0.2.7:40000 -> :22 fin,psh,urg", "drop by INPUT 1", []string{
			"-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -j DROP", "-A INPUT -j ACCEPT"}},
		{"icmp", "icmp 192.0.2.7 -> * type 3/4", "accept by INPUT 2", []string{
			"-A INPUT -p icmp -m icmp --icmp-type 3/3 -j DROP", "-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT"}},
		{"an echo request is what is asked about", "icmp 192.0.2.7 -> *", "accept by INPUT 1", []string{"-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT"}},
		{"state", "tcp 192.0.2.7:40000 -> :22 ack established", "accept by INPUT 1", []string{
			"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"}},
		{"of a packet without a connection the state alone counts", "tcp 192.0.2.7:40000 -> :22 fin invalid", "accept by INPUT 3", []string{
			"-A INPUT -m conntrack --ctstatus CONFIRMED -j DROP", "-A INPUT -m conntrack ! --ctstatus CONFIRMED -j DROP",
			"-A INPUT -m conntrack --ctstate INVALID --ctstatus CONFIRMED -j ACCEPT"}},
		{"interfaces", "tcp 192.0.2.7:40000 -> :22 syn in docker7", "drop by INPUT 2", []string{
			"-A INPUT -i docker0 -j ACCEPT", "-A INPUT -i docker+ -j DROP", "-A INPUT -j ACCEPT"}},
		{"a set with known members", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 1", []string{
			"-A INPUT -m set --match-set office src -j ACCEPT"}},
		{"a set that packets fill", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 2; drop by INPUT 1 if the source is in ban", []string{
			"-A INPUT -m set --match-set ban src -j DROP", "-A INPUT -j ACCEPT"}},
		{"a packet that adds itself is in the set", "tcp 192.0.2.7:40000 -> :22 syn", "drop by INPUT 2; accept by INPUT 3 if ban is full", []string{
			"-A INPUT -p tcp -j SET --add-set ban src --exist", "-A INPUT -m set --match-set ban src -j DROP", "-A INPUT -j ACCEPT"}},
		{"a packet that removes itself is not", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 3", []string{
			"-A INPUT -p tcp -j SET --del-set ban src", "-A INPUT -m set --match-set ban src -j DROP", "-A INPUT -j ACCEPT"}},
		{"a limit", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 1; drop by INPUT 0 if the limit 3/min is used up", []string{
			"-A INPUT -m limit --limit 3/min -j ACCEPT"}},
		{"two limits that read alike are two", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 1; drop by INPUT 0 if the limit 3/min is used up and the limit 3/min of another rule is used up", []string{
			"-A INPUT -m limit --limit 3/min -j ACCEPT", "-A INPUT -m limit --limit 3/min -j ACCEPT"}},
		{"sets and limits are said before odd packets", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 5; drop by INPUT 1 if the source is in ban; drop by INPUT 3 if the source is above 3/min; " +
			"drop by INPUT 2 if the segment has no TCP option 2; drop by INPUT 4 if the TTL is 0, for example", []string{
			"-A INPUT -m set --match-set ban src -j DROP", "-A INPUT -p tcp -m tcp ! --tcp-option 2 -j DROP",
			"-A INPUT -m hashlimit --hashlimit-above 3/min --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name a -j DROP", "-A INPUT -m ttl --ttl-lt 32 -j DROP", "-A INPUT -j ACCEPT"}},
		{"a match that is not known", "tcp 192.0.2.7:40000 -> :22 syn", "drop by INPUT 0; accept by INPUT 1 if -m geoip --source-country XX holds", []string{
			"-A INPUT -m geoip --source-country XX -j ACCEPT"}},
		{"a target that is not known", "tcp 192.0.2.7:40000 -> :22 syn", "depends on -j NFQUEUE --queue-num 1 by INPUT 1", []string{
			"-A INPUT -j NFQUEUE --queue-num 1"}},
		{"a mark that a rule sets", "tcp 192.0.2.7:40000 -> :22 syn", "accept by INPUT 2", []string{
			"-A INPUT -p tcp -j MARK --set-xmark 0x4/0xff", "-A INPUT -m mark --mark 0x4/0x4 -j ACCEPT"}},
		{"a program of bytes", "tcp 192.0.2.7:40000 -> :22 syn ttl 3", "drop by INPUT 1; accept by INPUT 2 if the TCP window is at most 1025", []string{
			`-A INPUT -p tcp -m bpf --bytecode "4,48 0 0 8,37 1 0 3,6 0 0 1,6 0 0 0" -m bpf --bytecode "5,177 0 0 0,72 0 0 14,37 0 1 1025,6 0 0 1,6 0 0 0" -j DROP`,
			"-A INPUT -j ACCEPT"}},
		{"an address that is not stated", "tcp * -> :22 syn", "drop by INPUT 0; accept by INPUT 1 if the source is 203.0.113.4, for example", []string{
			"-A INPUT -s 203.0.113.4/32 -j ACCEPT"}},
		{"multicast", "udp 192.0.2.7:5353 -> 224.0.0.251:5353", "drop by INPUT 1", []string{"-A INPUT -m addrtype --dst-type MULTICAST -j DROP"}},
		{"IPv6", "tcp [2001:db8::7]:40000 -> [2001:db8::1]:22 syn", "accept by INPUT 1", []string{"-A INPUT -s 2001:db8::/64 -p tcp -j ACCEPT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := explain(t, filter("DROP", c.rules...), sets, c.packet); got != c.want {
				t.Errorf("%s is\n%s\nand should be\n%s", c.packet, got, c.want)
			}
		})
	}
}

func TestTablesBeforeFilter(t *testing.T) {
	raw := "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j CT --notrack\nCOMMIT\n"
	nat := "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n" +
		"-A PREROUTING -p tcp -m tcp --dport 81 -j DNAT --to-destination 10.0.0.2:80\nCOMMIT\n"
	accept := filter("DROP", "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT", "-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",
		"-A FORWARD -d 10.0.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT", "-A FORWARD -j DROP")
	for _, c := range []struct{ rules, packet, want string }{
		{raw + accept, "tcp 192.0.2.7:40000 -> :80 syn", "accept by INPUT 2"},
		{nat + accept, "tcp 192.0.2.7:40000 -> :80 syn", "accept by INPUT 1"},
		{nat + accept, "tcp 192.0.2.7:40000 -> :81 syn", "depends on -j DNAT --to-destination 10.0.0.2:80 by PREROUTING 2"},
		{nat + accept, "tcp 192.0.2.7:40000 -> 198.51.100.1:81 syn in eth0 out docker0", "accept by FORWARD 1"},
		{nat + accept, "tcp 192.0.2.7:40000 -> 198.51.100.1:82 syn in eth0 out docker0", "drop by FORWARD 2"},
	} {
		if got := explain(t, c.rules, "", c.packet); got != c.want {
			t.Errorf("%s is\n%s\nand should be\n%s", c.packet, got, c.want)
		}
	}
}

// TestNotAsSaved holds that a rule in another form than iptables-save's is refused, and
// not taken for another rule.
func TestNotAsSaved(t *testing.T) {
	_, err := Read(4, []byte(filter("DROP", "-A INPUT --protocol tcp --jump ACCEPT")), nil)
	if err == nil || !strings.Contains(err.Error(), "save them with iptables-save") {
		t.Error(err)
	}
}

// TestGoldenPackets are packets to built-in profiles.
func TestGoldenPackets(t *testing.T) {
	for _, c := range []struct{ profile, packet, want string }{
		{"web", "tcp 192.0.2.7:40000 -> :443 syn", "accept by HARDENCTL-S-HTTPS 4"},
		{"web", "tcp 192.0.2.7:40000 -> :23 syn", "drop by HARDENCTL-DROP-SCAN 2"},
		{"web", "tcp 192.0.2.7:40000 -> :23 ack established", "accept by HARDENCTL-INPUT 1"},
		{"web", "tcp [2001:db8::7]:40000 -> [2001:db8::1]:443 syn", "accept by HARDENCTL-S-HTTPS 4"},
		{"server", "tcp 192.0.2.7:40000 -> :22 fin,psh,urg invalid", "drop by HARDENCTL-DROP-SCAN 2"},
	} {
		p, err := ParsePacket(c.packet)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Explain(golden(t, c.profile, p.Family), Input, p)
		if err != nil {
			t.Fatal(err)
		}
		if got := said(e); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s is\n%s", c.profile, c.packet, strings.ReplaceAll(got, ";", "\n"))
		}
	}
}
