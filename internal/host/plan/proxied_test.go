package plan

import (
	"strings"
	"testing"
)

// A port that is translated only as its packets arrive has a note where a
// profile puts the proxy before published ports, and nowhere else.
func TestProxiedNotes(t *testing.T) {
	const (
		proxy     = "*filter\n:HARDENCTL-PROXIED - [0:0]\nCOMMIT\n"
		published = "*mangle\n:HARDENCTL-FORWARD - [0:0]\nCOMMIT\n"
		arriving  = "-A PREROUTING -j MINE\n-A MINE -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.9.0.2:80\n"
		own       = "-A OUTPUT -j MINE\n"
		loop      = "-A OUTPUT -j LOOP\n-A LOOP -j LOOP\n"
	)
	for _, c := range []struct {
		name, want, rules string
		notes             int
	}{
		{"by Docker", proxy + published, arriving + own, 0},
		{"as packets arrive", proxy + published, arriving, 1},
		{"a chain that leads nowhere", proxy + published, arriving + loop, 1},
		{"no proxy", published, arriving, 0},
		{"no published ports", proxy, arriving, 0},
		{"no translation", proxy + published, "", 0},
	} {
		nat := "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n:LOOP - [0:0]\n" + c.rules + "COMMIT\n"
		p := Compare(tablesOf(t, nat), tablesOf(t, c.want), states)
		if len(p.Notes) != c.notes || c.notes == 1 && !strings.HasPrefix(p.Notes[0], "IPv4 nat: ports are translated") {
			t.Errorf("%s: notes %q", c.name, p.Notes)
		}
	}
}
