package main

import (
	"strings"
	"testing"
)

// asked is a profile with a list, a block and a service for the list alone.
const asked = head + `
[sets.office]
addresses = ["203.0.113.0/24", "203.0.112.0/25"]
[access]
admin = ["203.0.113.9"]
block = ["198.51.100.0/24"]
[services.ssh]
ports = ["tcp/22"]
from = ["@office"]
[services.web]
ports = ["tcp/80"]
connections_per_source = 20
`

// Explain leads back to the line of the profile that decides, and names what the answer
// depends on.
func TestExplain(t *testing.T) {
	enter(t, map[string]string{"a.toml": asked})
	for packet, wants := range map[string][]string{
		"tcp 203.0.113.7:40000 -> :22 syn":  {"ACCEPT: rule ", "a.toml:", "services.ssh"},
		"tcp 192.0.2.7:40000 -> :22 syn":    {"DROP: rule ", "This holds in every state"},
		"tcp 192.0.2.7:40000 -> :80 syn":    {"ACCEPT: rule ", "services.web", "Unless:", "DROP: the source has more than "},
		"tcp 198.51.100.7:40000 -> :80 syn": {"DROP: rule ", "access", "This holds in every state"},
		"tcp * -> :22 syn":                  {"DROP: rule ", "ACCEPT: the source is 203.0.11"},
		"udp [2001:db8::7]:1 -> :53":        {"DROP: "},
	} {
		r := run(t, "explain", packet, "a.toml")
		for _, want := range wants {
			if r.code != 0 || !strings.Contains(r.stdout, want) {
				t.Errorf("%s: exit code %d, %q is not in\n%s%s", packet, r.code, want, r.stdout, r.stderr)
			}
		}
	}
}

// What cannot be explained says what to write.
func TestExplainErrors(t *testing.T) {
	enter(t, map[string]string{"a.toml": asked, "v4": "*filter\n:INPUT DROP [0:0]\n-A INPUT --jump ACCEPT\nCOMMIT\n"})
	for line, want := range map[string]string{
		`"tcp * :22" a.toml`:                    "write PROTOCOL SOURCE -> DESTINATION",
		`"tcp 1.2.3:4 -> :22" a.toml`:           `source: "1.2.3" is not an IP address`,
		`"icmp *:7 -> :22" a.toml`:              "has no port",
		`"tcp * -> :22 fly" a.toml`:             `"fly" is not a flag`,
		`"icmp * -> * type 99/999" a.toml`:      "is not a type of this packet",
		`"tcp * -> :22 fin new" a.toml`:         "there is no such packet",
		`"tcp * -> :22" --rules v4`:             "iptables-save does not print --jump",
		`"tcp * -> :22" --rules a.toml`:         "a.toml is a profile",
		`"tcp * -> :22" a.toml --sets v4`:       "--sets is for --rules",
		`"tcp * -> :22" a.toml --rules v4`:      "cannot be used together",
		`"tcp * -> :22" a.toml --live`:          "--live and PROFILE cannot be used together: remove one",
		`"tcp * -> :22" --live --rules v4`:      "--live reads the rules and sets of this host: remove --live, or --rules and --sets",
		`"tcp 192.0.2.7 -> [2001:db8::1]:22" x`: "in one packet",
	} {
		if r := run(t, append([]string{"explain"}, words(t, line)...)...); r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit code %d, %q is not in %s", line, r.code, want, r.stderr)
		}
	}
}
