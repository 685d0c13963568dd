package tablefile

import (
	"strings"
	"testing"
)

// A chain decides if a packet in it can come to a verdict or is changed.
func TestDecides(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		want        bool
	}{
		{"no rules", "", false},
		{"a verdict", "-A INPUT -s 192.0.2.1/32 -j DROP", true},
		{"a mark", "-A INPUT -j MARK --set-xmark 0x1/0xffffffff", true},
		{"a target of an extension", "-A INPUT -j SYNPROXY", true},
		{"a log, a return, a count", "-A INPUT -j LOG --log-prefix \"-j DROP \"\n-A INPUT -p tcp -j RETURN\n-A INPUT -p udp\n-A INPUT", false},
		{"a jump to an empty chain", "-A INPUT -j A", false},
		{"a jump to a chain that jumps to an empty one", "-A INPUT -j A\n-A A -g B\n-A B -j NFLOG", false},
		{"a jump to a chain that jumps to one that refuses", "-A INPUT -j A\n-A A -g B\n-A B -j REJECT", true},
		{"a verdict in a chain that nothing jumps to", "-A INPUT -j A\n-A B -j DROP", false},
		{"chains that jump in a circle", "-A INPUT -j A\n-A A -j B\n-A B -j A", false},
		{"a circle with a verdict", "-A INPUT -j A\n-A A -j B\n-A B -j A\n-A B -j ACCEPT", true},
		{"a quote that is not closed", "-A INPUT -m comment --comment \"x -j ACCEPT", true},
	} {
		s, err := Parse([]byte("*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n" + strings.TrimSpace(c.rules+"\nCOMMIT") + "\n"))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := s.Tables[0].Decides("INPUT"); got != c.want {
			t.Errorf("%s: decides %v, want %v", c.name, got, c.want)
		}
	}
}

// A jump to chains without rules leads nowhere; one to a chain that returns does.
func TestLeadsNowhere(t *testing.T) {
	s, err := Parse([]byte("*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n:f2b - [0:0]\n" +
		"-A A -j B\n-A A -p tcp -g C\n-A f2b -j RETURN\nCOMMIT\n"))
	if err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]bool{"-j A": true, "-p tcp -g B": true, "-j f2b": false, "-j DROP": false, "-j LOG": false, "": false} {
		if got := s.Tables[0].LeadsNowhere(Rule{Spec: spec}); got != want {
			t.Errorf("%q leads nowhere: %v, want %v", spec, got, want)
		}
	}
}
