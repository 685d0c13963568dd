package exact

import "testing"

// What a hook sees of a packet that is sent on: it has no interface to leave by before it is
// routed, and the kernel has taken one from its TTL after (ip_forward, ip6_forward).
func TestHooksOfForwardedPackets(t *testing.T) {
	mangle := func(rules ...string) string {
		text := "*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n"
		for _, r := range rules {
			text += r + "\n"
		}
		return text + "COMMIT\n"
	}
	const forwarded = "tcp 192.0.2.7:40000 -> 198.51.100.9:80 in eth0 out docker0"
	publish := "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080"
	sets := "create here hash:net family inet\nadd here 10.0.0.0/24\ncreate ban hash:ip family inet timeout 60\ncreate either list:set size 8\nadd either here\n"
	for _, c := range []struct{ name, rules, packet, want string }{
		{"redirected packets are for this host", nat([]string{toPort80 + "REDIRECT --to-ports 8080"}), forwarded, "depends on -j REDIRECT --to-ports 8080 by PREROUTING 1"},
		{"the TTL is less by one", filter("DROP", "-A FORWARD -m ttl --ttl-eq 3 -j DROP"), forwarded + " ttl 4", "drop by FORWARD 1"},
		{"and is what came before", mangle("-A PREROUTING -m ttl --ttl-eq 4 -j DROP"), forwarded + " ttl 4", "drop by PREROUTING 1"},
		{"in a chain of both hooks", mangle("-A PREROUTING -j A", "-A FORWARD -j A", "-A A -m ttl --ttl-eq 3 -j DROP"), forwarded + " ttl 4", "drop by A 1"},
		{"no interface before the route", mangle("-A PREROUTING -j A", "-A A -o docker0 -j DROP"), forwarded, "accept by FORWARD 0"},
		{"nor is it another one", mangle("-A PREROUTING -j A", "-A A ! -o docker0 -j DROP"), forwarded, "drop by A 1"},
		{"the interface after it", mangle("-A FORWARD -j A", "-A A -o docker0 -j DROP"), forwarded, "drop by A 1"},
		{"a set of the address to which DNAT leads", nat([]string{publish}, "-A FORWARD -m set --match-set here dst -j DROP"), forwarded, "drop by FORWARD 1"},
		{"a set of sets", nat([]string{publish}, "-A FORWARD -m set --match-set either dst -j DROP"), forwarded, "drop by FORWARD 1"},
		{"it was not of the one before", nat([]string{"-A PREROUTING -m set --match-set here dst -j DROP", publish}, "-A FORWARD -m set --match-set here dst -j DROP"),
			forwarded, "drop by FORWARD 1"},
		{"a set that packets fill", nat([]string{publish}, "-A FORWARD -m set --match-set ban dst -j DROP"), forwarded,
			"accept by FORWARD 0; drop by FORWARD 1 if the translated destination is in ban"},
		{"an address of this host", nat([]string{publish}, "-A FORWARD -m addrtype --dst-type LOCAL -j DROP"), forwarded,
			"accept by FORWARD 0; drop by FORWARD 1 if the translated destination is an address of this host"},
		{"DNAT leads elsewhere", nat([]string{publish}, "-A FORWARD -m conntrack --ctstate DNAT -j DROP"), forwarded, "drop by FORWARD 1"},
		{"DNAT to where the packet goes anyway", nat([]string{"-A PREROUTING -j DNAT --to-destination 198.51.100.9:80"}, "-A FORWARD -m conntrack --ctstate DNAT -j DROP"),
			forwarded, "accept by FORWARD 0"},
		{"so does a redirect", nat([]string{"-A PREROUTING -j REDIRECT"}, "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT"), "tcp 192.0.2.7:40000 -> 198.51.100.9:80",
			"drop by INPUT 0; accept by INPUT 1 if the packet was sent to another address than that of the interface"},
		{"or to another port", nat([]string{toPort80 + "REDIRECT --to-ports 8080"}, "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT"), "tcp 192.0.2.7:40000 -> 198.51.100.9:80",
			"accept by INPUT 1"},
		{"the port that a connection was opened to", nat([]string{publish}, "-A FORWARD -p tcp -m conntrack --ctorigdstport 80 -j DROP"), forwarded, "drop by FORWARD 1"},
		{"is the source port of an answer", filter("DROP", "-A OUTPUT -p tcp -m conntrack --ctorigdstport 80 -j DROP"),
			"tcp 192.0.2.7:80 -> 198.51.100.9:40000 ack established reply replied confirmed out eth0", "drop by OUTPUT 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := explain(t, c.rules, sets, c.packet); got != c.want {
				t.Errorf("%s is\n%s\nand should be\n%s", c.packet, got, c.want)
			}
		})
	}
}

// Counters of one entry are compared with several numbers: no answer says that it is above
// the larger and not above the smaller, and a new entry is above none.
func TestCounters(t *testing.T) {
	sets := "create seen hash:ip family inet timeout 60 counters\n"
	above := func(number, target string) string {
		return "-A INPUT -m set --match-set seen src ! --update-counters --packets-gt " + number + " -j " + target
	}
	const packet = "tcp 192.0.2.7:40000 -> :22 syn"
	for _, c := range []struct {
		name, want string
		rules      []string
	}{
		{"the larger first", "accept by INPUT 3; reject with tcp-reset by INPUT 2 if the source is in seen and seen has counted more than 10 packets for the source; " +
			"drop by INPUT 1 if the source is in seen and seen has counted more than 20 packets for the source",
			[]string{above("20", "DROP"), "-A INPUT -p tcp -m set --match-set seen src ! --update-counters --packets-gt 10 -j REJECT --reject-with tcp-reset", "-A INPUT -j ACCEPT"}},
		{"above the larger only", "accept by INPUT 3", []string{above("10", "ACCEPT"), above("20", "DROP"), "-A INPUT -j ACCEPT"}},
		{"a new entry", "accept by INPUT 3", []string{"-A INPUT -j SET --add-set seen src --exist", above("10", "DROP"), "-A INPUT -j ACCEPT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := explain(t, filter("DROP", c.rules...), sets, packet); got != c.want {
				t.Errorf("%s is\n%s\nand should be\n%s", packet, got, c.want)
			}
		})
	}
}
