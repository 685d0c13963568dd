package profile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestKnock shows a knock as it is read, with what is not stated.
func TestKnock(t *testing.T) {
	p, diags := Read("a.toml", folders(map[string]string{
		"a.toml": "version = 1\nservices.ssh = { ports = [\"tcp/22\"], knock = \"door\" }\nknocks.door.sequence = [\"tcp/7000\", \"udp/8000\", \"tcp/7000\"]",
	}))
	if diags != nil {
		t.Fatal(diags)
	}
	k := p.Knocks[0]
	if k.Name != "door" || fmt.Sprint(k.Sequence) != "[tcp/7000 udp/8000 tcp/7000]" || k.Step != 10*time.Second || k.Open != 30*time.Second {
		t.Errorf("got %+v", k)
	}
	if s := p.Services[0]; s.Knock.Name != "door" || s.Knock.Position.Line != 2 || s.Public() {
		t.Errorf("got %+v", s)
	}
}

// TestParseSequence shows what a client may be told to knock.
func TestParseSequence(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"tcp/7000 udp/8000", "[tcp/7000 udp/8000] <nil>"},
		{"tcp/7000", "[] the sequence has a length of 1, which is not from 2 to 8"},
		{"", "[] the sequence has a length of 0, which is not from 2 to 8"},
		{"tcp/7000 8000", `[] "8000" has no protocol; write "tcp/8000" or "udp/8000"`},
		{"tcp/7000 tcp/7000", `[] "tcp/7000" is listed twice in a row: a packet that is sent again would count as the second knock`},
		{"tcp/7000 tcp/80-90", `[] "tcp/80-90" is a range, and a knock is one port`},
	} {
		ports, err := ParseSequence(strings.Fields(test.text))
		if got := fmt.Sprint(ports, " ", err); got != test.want {
			t.Errorf("%q: got %s, want %s", test.text, got, test.want)
		}
	}
}
