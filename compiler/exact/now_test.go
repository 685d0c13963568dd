package exact

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// today is a firewall at a moment, with sets of all the types that rules of profiles and of
// fail2ban use.
func today(t *testing.T, sets string, rules ...string) *Firewall {
	t.Helper()
	save, err := tablefile.Parse([]byte(filter("DROP", rules...)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Now(4, save.Tables, nil, []byte(sets))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What packets filled counts as it is at the moment, and the other state is said.
func TestExplainNow(t *testing.T) {
	for _, c := range []struct{ name, sets, match, packet, want, now string }{
		{"a banned source", "create s hash:ip timeout 60\nadd s 192.0.2.7 timeout 41\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "drop; accept if the source is not in s", "the source is in s, for 41 s more"},
		{"another source", "create s hash:ip timeout 60\nadd s 192.0.2.8 timeout 41\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "accept; drop if the source is in s", ""},
		{"an entry for good", "create s hash:ip timeout 0\nadd s 192.0.2.7 timeout 0\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "drop; accept if the source is not in s", "the source is in s"},
		{"a netmask", "create s hash:ip netmask 24 timeout 60\nadd s 192.0.2.0 timeout 9\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "drop; accept if the source is not in s", "the source is in s, for 9 s more"},
		{"an exception of a prefix", "create s hash:net timeout 60\nadd s 192.0.2.0/24 timeout 9\nadd s 192.0.2.7 timeout 9 nomatch\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "accept; drop if the source is in s", ""},
		{"a prefix within the exception", "create s hash:net timeout 60\nadd s 192.0.2.7 timeout 9\nadd s 192.0.2.0/24 timeout 9 nomatch\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "drop; accept if the source is not in s", "the source is in s, for 9 s more"},
		{"source and port", "create s hash:ip,port timeout 60\nadd s 192.0.2.7,tcp:22 timeout 9\n", "--match-set s src,dst", "tcp 192.0.2.7:1 -> :22", "drop; accept if the source with the destination port is not in s", "the source with the destination port is in s, for 9 s more"},
		{"another port", "create s hash:ip,port timeout 60\nadd s 192.0.2.7,tcp:23 timeout 9\nadd s 192.0.2.7,udp:22 timeout 9\n", "--match-set s src,dst", "tcp 192.0.2.7:1 -> :22", "accept; drop if the source with the destination port is in s", ""},
		{"an ICMP type", "create s hash:ip,port timeout 60\nadd s 192.0.2.7,icmp:echo-request timeout 9\n", "--match-set s src,dst", "icmp 192.0.2.7 -> *", "drop; accept if the source with the destination port is not in s", "the source with the destination port is in s, for 9 s more"},
		{"ports alone", "create s bitmap:port range 0-65535 timeout 60\nadd s 22 timeout 9\n", "--match-set s dst", "udp 192.0.2.7:1 -> :22", "drop; accept if the destination is not in s", "the destination is in s, for 9 s more"},
		{"fewer directions than the set has", "create s hash:ip,port timeout 60\nadd s 192.0.2.7,tcp:22 timeout 9\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "accept; drop if the source is in s", ""},
		{"a counter", "create s hash:ip timeout 60 counters\nadd s 192.0.2.7 timeout 9 packets 11 bytes 660\n", "--match-set s src --packets-gt 10 ! --update-counters", "tcp 192.0.2.7:1 -> :22", "drop; accept if s has counted at most 10 packets for the source; accept if the source is not in s", "the source is in s, for 9 s more"},
		{"a counter that is not above", "create s hash:ip timeout 60 counters\nadd s 192.0.2.7 timeout 9 packets 10 bytes 660\n", "--match-set s src --packets-gt 10 ! --update-counters", "tcp 192.0.2.7:1 -> :22", "accept; drop if s has counted more than 10 packets for the source", "the source is in s, for 9 s more"},
		{"a type that is not looked up", "create s hash:mac timeout 60\nadd s 02:00:00:00:00:01 timeout 9\n", "--match-set s src", "tcp 192.0.2.7:1 -> :22", "accept; drop if the source is in s", ""},
	} {
		f := today(t, c.sets, "-A INPUT -m set "+c.match+" -j DROP", "-A INPUT -j ACCEPT")
		p, err := ParsePacket(c.packet)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Explain(f, Input, p)
		if err != nil {
			t.Fatal(err)
		}
		got := e.Verdict.String()
		for _, x := range e.Unless {
			got += fmt.Sprintf("; %s if %s", x.Verdict, strings.Join(x.Conditions, " and "))
		}
		if now := strings.Join(e.Now, "; "); got != c.want || now != c.now {
			t.Errorf("%s: %s; now %q\nwanted %s; %q", c.name, got, now, c.want, c.now)
		}
	}
}

// A set that is full takes no more, which is known at a moment.
func TestFullNow(t *testing.T) {
	rules := []string{"-A INPUT -j SET --add-set s src --exist", "-A INPUT -m set --match-set s src -j DROP", "-A INPUT -j ACCEPT"}
	p, _ := ParsePacket("tcp 192.0.2.7:1 -> :22")
	for sets, want := range map[string]VerdictKind{
		"create s hash:ip maxelem 2 timeout 9\nadd s 192.0.2.1\n":                  Drop,
		"create s hash:ip maxelem 2 timeout 9\nadd s 192.0.2.1\nadd s 192.0.2.2\n": Accept,
	} {
		if e, err := Explain(today(t, sets, rules...), Input, p); err != nil || e.Verdict.Kind != want {
			t.Errorf("%s: %v, %v", sets, e, err)
		}
	}
}

// Of a set that removes an entry for a new one the kernel says so; what is saved does not.
func TestDeclaredNow(t *testing.T) {
	sets := []byte("create s hash:ip maxelem 1 timeout 9\nadd s 192.0.2.1\n")
	save, _ := tablefile.Parse([]byte(filter("DROP", "-A INPUT -j SET --add-set s src --exist", "-A INPUT -m set --match-set s src -j DROP", "-A INPUT -j ACCEPT")))
	f, err := Now(4, save.Tables, setfile.Sets([]byte("create s hash:ip maxelem 1 timeout 9 forceadd\n")), sets)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := ParsePacket("tcp 192.0.2.7:1 -> :22")
	if e, err := Explain(f, Input, p); err != nil || e.Verdict.Kind != Drop || len(e.Unless) > 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

// Reach names those who are in a set at the moment, and only there.
func TestReachNow(t *testing.T) {
	f := today(t, "create s hash:ip timeout 60\nadd s 192.0.2.7 timeout 41\n", "-A INPUT -m set --match-set s src -j DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
	all, _ := Reach(f.Frozen(), netip.Addr{}, "", 0)
	if len(all) != 1 || len(all[0].Unless) != 0 || all[0].Region.Sources == nil {
		t.Errorf("frozen: %+v", all)
	}
	for source, want := range map[string]int{"192.0.2.7": 0, "192.0.2.8": 1} {
		if all, _ := Reach(f.Frozen(), netip.MustParseAddr(source), "", 0); len(all) != want {
			t.Errorf("%s reaches %d ports, %d were wanted", source, len(all), want)
		}
	}
	if all, _ := Reach(f, netip.Addr{}, "", 0); len(all) != 1 || len(all[0].Unless) != 1 || all[0].Region.Sources != nil {
		t.Errorf("not frozen: %+v", all)
	}
}
