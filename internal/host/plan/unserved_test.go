package plan

import (
	"testing"
)

// A stated port at which no program listens has a note, and one that NAT sends on
// has none.
func TestUnserved(t *testing.T) {
	const want = "*filter\n:HARDENCTL-INPUT - [0:0]\n" +
		"-A HARDENCTL-INPUT -p tcp -m multiport --dports 80,443 -m comment --comment \"services.web\" -j ACCEPT\n" +
		"-A HARDENCTL-INPUT -p udp -m udp --dport 443 -m comment --comment \"services.http3\" -j ACCEPT\n" +
		"-A HARDENCTL-INPUT -p udp -m udp --dport 60000:61000 -m comment --comment \"services.mosh\" -j ACCEPT\n" +
		"-A HARDENCTL-INPUT -p tcp -m tcp --dport 8080 -m comment --comment \"services.shop\" -j ACCEPT\n" +
		"-A HARDENCTL-INPUT -p tcp -m tcp --dport 25 -m comment --comment \"services.mail: synproxy\" -j ACCEPT\n" +
		"-A HARDENCTL-INPUT -p tcp -m comment --comment \"policy: unserved\" -j DROP\nCOMMIT\n"
	const end = ". Clients get no answer there. Start the program, or remove the port from the profile"
	docker := "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n"
	for _, c := range []struct {
		name, nat string
		served    map[string][]uint16
		note      string
	}{
		{"nothing listens", "", nil, "no program listens on: tcp/80 (services.web), tcp/443 (services.web), udp/443 (services.http3), udp/60000-61000 (services.mosh), tcp/8080 (services.shop)" + end},
		{"no QUIC", docker, map[string][]uint16{"tcp": {80, 443}, "udp": {60123}}, "no program listens on: udp/443 (services.http3)" + end},
		{"all", docker, map[string][]uint16{"tcp": {80, 443}, "udp": {443, 60000}}, ""},
		{"all is sent on", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -j DNAT --to-destination 10.9.0.2\nCOMMIT\n", nil, ""},
	} {
		notes := Unserved(tablesOf(t, want), tablesOf(t, c.nat), c.served)
		if len(notes) != min(1, len(c.note)) || c.note != "" && notes[0] != c.note {
			t.Errorf("%s: %q", c.name, notes)
		}
	}
}
