package exact

import "testing"

// FuzzParsePacket holds that a packet that is read is printed so that it is read again
// as the same, and that one of IPv4 or IPv6 is in its world.
func FuzzParsePacket(f *testing.F) {
	for _, text := range []string{
		"tcp 192.0.2.7:40000 -> :22 syn", "udp [2001:db8::7]:53 -> [2001:db8::1]:40000", "icmp 192.0.2.7 -> * type 3/1", "icmpv6 * -> * echo-request",
		"tcp * -> *:80 fin,psh,urg invalid in eth0 out eth1 ttl 3 mark 0x10", "47 192.0.2.7 -> 198.51.100.1 length 60 fragment", "tcp :1->:2 none new reply", logged, "203.0.113.7,udp:53 timeout 86", "add a 2001:db8::/64",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePacket(text)
		if err != nil {
			return
		}
		again, err := ParsePacket(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q is %q, which is read as %q, %v", text, p, again, err)
		}
		for _, a := range []bool{p.Family.Has(p.Source), p.Family.Has(p.Destination)} {
			if !a && p.Source.IsValid() && p.Destination.IsValid() {
				t.Errorf("%q has an address of another family", text)
			}
		}
		NewWorld(p.Family).Packets(p)
	})
}

// FuzzRead holds that any text of rules and sets is read or refused, and that each
// packet then has one verdict.
func FuzzRead(f *testing.F) {
	f.Add(filter("DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -m set --match-set a src -j A"), "create a hash:net family inet\nadd a 192.0.2.0/24\n")
	f.Add(filter("ACCEPT", "-A INPUT -i eth+ -m mark --mark 1/1 -g A", "-A A -j MARK --set-xmark 0x1/0x1"), "create a list:set\nadd a a\n")
	f.Fuzz(func(t *testing.T, rules, sets string) {
		fw, err := Read(4, []byte(rules), []byte(sets))
		if err != nil || len(rules) > 2000 {
			return
		}
		w := NewWorld(4, fw)
		all := w.Possible()
		for _, n := range w.Walk(fw, Input, all).Verdicts {
			all = w.g.Without(all, n)
		}
		if all != 0 {
			t.Error("a packet has no verdict")
		}
	})
}
