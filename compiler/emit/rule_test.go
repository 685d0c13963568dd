package emit_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestMatches shows every match as iptables-save prints it.
func TestMatches(t *testing.T) {
	one := func(ports ...uint16) []ruleset.PortRange {
		var ranges []ruleset.PortRange
		for _, p := range ports {
			ranges = append(ranges, ruleset.PortRange{First: p, Last: p})
		}
		return ranges
	}
	rate := ruleset.SourceRate{
		Name: "hc4-01234567", Rate: ruleset.Rate{Count: 5, Unit: ruleset.PerSecond, Burst: 10},
		Prefix: 32, TableMax: 1000, Expire: 10 * time.Second,
	}
	upTo, minute, six, exact, ports := rate, rate, rate, rate, rate
	upTo.UpTo = true
	minute.Rate.Unit, minute.Expire = ruleset.PerMinute, time.Minute
	six.Prefix, exact.Prefix = 64, 128
	ports.Ports = true
	for _, test := range []struct {
		match  ruleset.Match
		want   string
		family ruleset.Family
	}{
		{ruleset.Source{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, "-s 10.0.0.0/8", ruleset.V4},
		{ruleset.Source{Prefix: netip.MustParsePrefix("192.0.2.1/32")}, "-s 192.0.2.1/32", ruleset.V4},
		{ruleset.Source{Prefix: netip.MustParsePrefix("fe80::/10")}, "-s fe80::/10", ruleset.V6},
		{ruleset.Interface{Name: "lo"}, "-i lo", ruleset.V4},
		{ruleset.OutInterface{Name: "lo"}, "-o lo", ruleset.V4},
		{ruleset.NoSocket{}, "-m owner ! --socket-exists", ruleset.V4},
		{ruleset.ForeignSource{}, "-m addrtype ! --src-type LOCAL", ruleset.V4},
		{ruleset.Proto{Protocol: ruleset.UDP}, "-p udp", ruleset.V4},
		{ruleset.Proto{Protocol: ruleset.TCP, Not: true}, "! -p tcp", ruleset.V6},
		{ruleset.Ports{Protocol: ruleset.TCP, Destination: one(22)}, "-p tcp -m tcp --dport 22", ruleset.V4},
		{ruleset.Ports{Protocol: ruleset.UDP, Source: one(67), Destination: one(68)}, "-p udp -m udp --sport 67 --dport 68", ruleset.V4},
		{ruleset.Ports{Protocol: ruleset.UDP, Source: []ruleset.PortRange{{First: 0, Last: 1023}}}, "-p udp -m udp --sport 0:1023", ruleset.V4},
		{ruleset.Ports{Protocol: ruleset.TCP, Destination: append(one(22), ruleset.PortRange{First: 8000, Last: 8100})},
			"-p tcp -m multiport --dports 22,8000:8100", ruleset.V4},
		{ruleset.Ports{Protocol: ruleset.TCP, Source: one(1, 2)}, "-p tcp -m multiport --sports 1,2", ruleset.V4},
		{ruleset.OriginalPort{Protocol: ruleset.TCP, Ports: one(8080)[0]}, "-p tcp -m conntrack --ctorigdstport 8080", ruleset.V4},
		{ruleset.OriginalPort{Protocol: ruleset.UDP, Ports: ruleset.PortRange{First: 8000, Last: 8100}}, "-p udp -m conntrack --ctorigdstport 8000:8100", ruleset.V6},
		{ruleset.TCPFlags{Mask: ruleset.AllFlags}, "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", ruleset.V4},
		{ruleset.TCPFlags{Mask: ruleset.SYN | ruleset.FIN, Set: ruleset.SYN | ruleset.FIN, Not: true}, "-p tcp -m tcp ! --tcp-flags FIN,SYN FIN,SYN", ruleset.V4},
		{ruleset.TCPWindow{Family: ruleset.V4, Most: 1024}, `-p tcp -m bpf --bytecode "5,177 0 0 0,72 0 0 14,37 1 0 1024,6 0 0 1,6 0 0 0"`, ruleset.V4},
		{ruleset.TCPWindow{Family: ruleset.V6, Most: 1024}, `-p tcp -m bpf --bytecode "6,48 0 0 6,21 0 3 6,40 0 0 54,37 1 0 1024,6 0 0 1,6 0 0 0"`, ruleset.V6},
		{ruleset.TCPStart{Family: ruleset.V4, Window: 65535, SegmentSize: 1460},
			`-p tcp -m bpf --bytecode "8,177 0 0 0,72 0 0 14,21 0 4 65535,177 0 0 0,64 0 0 20,21 0 1 33818036,6 0 0 1,6 0 0 0"`, ruleset.V4},
		{ruleset.TCPStart{Family: ruleset.V6, Window: 65535, SegmentSize: 1460},
			`-p tcp -m bpf --bytecode "8,48 0 0 6,21 0 5 6,40 0 0 54,21 0 3 65535,32 0 0 60,21 0 1 33818036,6 0 0 1,6 0 0 0"`, ruleset.V6},
		{ruleset.MayFragment{}, `-m bpf --bytecode "4,40 0 0 6,69 1 0 16384,6 0 0 1,6 0 0 0"`, ruleset.V4},
		{ruleset.IPOptions{}, `-m bpf --bytecode "4,48 0 0 0,37 0 1 69,6 0 0 1,6 0 0 0"`, ruleset.V4},
		{ruleset.AddressType{Destination: []string{"LOCAL"}, Not: true}, "-m addrtype ! --dst-type LOCAL", ruleset.V4},
		{ruleset.Extended{}, `-p tcp -m bpf --bytecode "4,48 0 0 6,21 1 0 6,6 0 0 1,6 0 0 0"`, ruleset.V6},
		{ruleset.TCPOption{Kind: 2}, "-p tcp -m tcp --tcp-option 2", ruleset.V4},
		{ruleset.TCPOption{Kind: 4, Not: true}, "-p tcp -m tcp ! --tcp-option 4", ruleset.V4},
		{ruleset.ICMPType{Family: ruleset.V4, Type: 8}, "-p icmp -m icmp --icmp-type 8", ruleset.V4},
		{ruleset.ICMPType{Family: ruleset.V6, Type: 128}, "-p ipv6-icmp -m icmp6 --icmpv6-type 128", ruleset.V6},
		{ruleset.HopLimit{Equal: 255}, "-m hl --hl-eq 255", ruleset.V6},
		{ruleset.HopsLeft{Family: ruleset.V4, Most: 1}, `-m bpf --bytecode "4,48 0 0 8,37 1 0 1,6 0 0 1,6 0 0 0"`, ruleset.V4},
		{ruleset.HopsLeft{Family: ruleset.V6, Most: 1}, `-m bpf --bytecode "4,48 0 0 7,37 1 0 1,6 0 0 1,6 0 0 0"`, ruleset.V6},
		{ruleset.Longer{Family: ruleset.V4, Than: 1280}, `-m bpf --bytecode "4,40 0 0 2,37 0 1 1280,6 0 0 1,6 0 0 0"`, ruleset.V4},
		{ruleset.Longer{Family: ruleset.V6, Than: 1280}, `-m bpf --bytecode "4,40 0 0 4,37 0 1 1240,6 0 0 1,6 0 0 0"`, ruleset.V6},
		{ruleset.ConnStatus{Status: ruleset.StatusConfirmed, Not: true}, "-m conntrack ! --ctstatus CONFIRMED", ruleset.V4},
		{ruleset.ConnReply{}, "-m conntrack --ctdir REPLY", ruleset.V4},
		{ruleset.ConnState{States: ruleset.StateUntracked | ruleset.StateEstablished | ruleset.StateRelated | ruleset.StateNew | ruleset.StateInvalid},
			"-m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED", ruleset.V4},
		{ruleset.ConnState{States: ruleset.StateDNAT, Not: true}, "-m conntrack ! --ctstate DNAT", ruleset.V4},
		{ruleset.ConnAssured{}, "-m conntrack --ctstate ESTABLISHED --ctstatus ASSURED --ctdir ORIGINAL", ruleset.V4},
		{ruleset.ConnOriginal{}, "-m conntrack --ctdir ORIGINAL", ruleset.V4},
		{ruleset.InSet{Set: "hardenctl-scan-v4", Direction: ruleset.ToSource, Above: 10}, "-m set --match-set hardenctl-scan-v4 src --packets-gt 10", ruleset.V4},
		{ruleset.InSet{Set: "hardenctl-scan-v6", Direction: ruleset.ToSource, Not: true, Uncounted: true, Above: 10},
			"-m set ! --match-set hardenctl-scan-v6 src ! --update-counters --packets-gt 10", ruleset.V6},
		{ruleset.InSet{Set: "s", Direction: ruleset.ToSource}, "-m set --match-set s src", ruleset.V4},
		{ruleset.InSet{Set: "s", Direction: ruleset.ToSourceAndDPort, Not: true}, "-m set ! --match-set s src,dst", ruleset.V4},
		{rate, "-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name hc4-01234567 --hashlimit-htable-max 1000 --hashlimit-htable-expire 10000", ruleset.V4},
		{upTo, "-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name hc4-01234567 --hashlimit-htable-max 1000 --hashlimit-htable-expire 10000", ruleset.V4},
		{minute, "-m hashlimit --hashlimit-above 5/min --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name hc4-01234567 --hashlimit-htable-max 1000", ruleset.V4},
		{six, "-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name hc4-01234567 --hashlimit-htable-max 1000 --hashlimit-htable-expire 10000 --hashlimit-srcmask 64", ruleset.V6},
		{exact, "-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name hc4-01234567 --hashlimit-htable-max 1000 --hashlimit-htable-expire 10000", ruleset.V6},
		{ports, "-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 10 --hashlimit-mode srcip,dstport --hashlimit-name hc4-01234567 --hashlimit-htable-max 1000 --hashlimit-htable-expire 10000", ruleset.V4},
		{ruleset.Limit{Rate: ruleset.Rate{Count: 5, Unit: ruleset.PerMinute, Burst: 10}}, "-m limit --limit 5/min --limit-burst 10", ruleset.V4},
		{ruleset.Limit{Rate: ruleset.Rate{Count: 5, Unit: ruleset.PerHour, Burst: 5}}, "-m limit --limit 5/hour", ruleset.V4},
		{ruleset.Recent{Action: ruleset.RecentSet, Name: "n", Prefix: 32}, "-m recent --set --name n --mask 255.255.255.255 --rsource", ruleset.V4},
		{ruleset.Recent{Action: ruleset.RecentSet, Name: "n", Prefix: 24}, "-m recent --set --name n --mask 255.255.255.0 --rsource", ruleset.V4},
		{ruleset.Recent{Action: ruleset.RecentCheck, Name: "n", Window: time.Minute, Hits: 10, Prefix: 64},
			"-m recent --rcheck --seconds 60 --reap --hitcount 10 --name n --mask ffff:ffff:ffff:ffff:: --rsource", ruleset.V6},
		{ruleset.Recent{Action: ruleset.RecentSet, Name: "n", Prefix: 128}, "-m recent --set --name n --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource", ruleset.V6},
		{ruleset.ConnLimit{Above: 20, Prefix: 32}, "-m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr", ruleset.V4},
		{ruleset.AddressType{Destination: []string{"BROADCAST", "MULTICAST"}}, "-m addrtype --dst-type BROADCAST,MULTICAST", ruleset.V4},
	} {
		if got := emit.Rule(test.family, ruleset.Rule{Matches: []ruleset.Match{test.match}}); got != test.want {
			t.Errorf("%#v:\ngot  %s\nwant %s", test.match, got, test.want)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, test := range []struct {
		target ruleset.Target
		want   string
	}{
		{ruleset.Accept, "-j ACCEPT"},
		{ruleset.Drop, "-j DROP"},
		{ruleset.Return, "-j RETURN"},
		{ruleset.Jump{Chain: "HARDENCTL-INPUT"}, "-j HARDENCTL-INPUT"},
		{ruleset.Goto{Chain: "HARDENCTL-TRUSTED"}, "-g HARDENCTL-TRUSTED"},
		{ruleset.AddToSet{Set: "s", Direction: ruleset.ToSourceAndDPort}, "-j SET --add-set s src,dst --exist"},
		{ruleset.AddToSet{Set: "s", Direction: ruleset.ToSource, Timeout: 24 * time.Hour}, "-j SET --add-set s src --exist --timeout 86400"},
		{ruleset.RemoveFromSet{Set: "s", Direction: ruleset.ToSource}, "-j SET --del-set s src"},
		{ruleset.Log{Prefix: "IPTables-Dropped: "}, `-j LOG --log-prefix "IPTables-Dropped: "`},
		{ruleset.Reject{Family: ruleset.V4}, "-j REJECT --reject-with icmp-port-unreachable"},
		{ruleset.Reject{Family: ruleset.V6}, "-j REJECT --reject-with icmp6-port-unreachable"},
		{ruleset.Reject{Family: ruleset.V6, Reset: true}, "-j REJECT --reject-with tcp-reset"},
		{ruleset.NoTrack{}, "-j CT --notrack"},
		{ruleset.StripOption{Kind: 8}, "-j TCPOPTSTRIP --strip-options 8"},
		{ruleset.SynProxy{MSS: 1460, WindowScale: 7}, "-j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460"},
		{nil, ""},
	} {
		if got := emit.Rule(ruleset.V4, ruleset.Rule{Target: test.target}); got != test.want {
			t.Errorf("%#v: got %s, want %s", test.target, got, test.want)
		}
	}
}

// TestOrder shows that source, interface and protocol come first, the comment
// last before the target, and the other matches stay in their order.
func TestOrder(t *testing.T) {
	r := ruleset.Rule{
		Matches: []ruleset.Match{
			ruleset.InSet{Set: "s", Direction: ruleset.ToSource},
			ruleset.Ports{Protocol: ruleset.TCP, Destination: []ruleset.PortRange{{First: 22, Last: 22}}},
			ruleset.TCPFlags{Mask: ruleset.SYN, Set: ruleset.SYN},
			ruleset.Interface{Name: "eth0"},
			ruleset.Proto{Protocol: ruleset.TCP},
			ruleset.Source{Prefix: netip.MustParsePrefix("10.0.0.0/8")},
		},
		Target:  ruleset.Accept,
		Comment: "services.ssh",
	}
	const want = `-s 10.0.0.0/8 -i eth0 -p tcp -m set --match-set s src -m tcp --dport 22 -m tcp --tcp-flags SYN SYN -m comment --comment "services.ssh" -j ACCEPT`
	if got := emit.Rule(ruleset.V4, r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
