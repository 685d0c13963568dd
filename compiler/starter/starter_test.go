package starter_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/starter"
)

var update = flag.Bool("update", false, "write the example anew")

// dump reads rules as iptables-save prints them.
func dump(t testing.TB, file string, family ruleset.Family, rules, sets string) starter.Dump {
	t.Helper()
	f, err := exact.Read(family, []byte(rules), []byte(sets))
	if err != nil {
		t.Fatal(err)
	}
	return starter.Dump{File: file, Family: family, Text: []byte(rules), Firewall: f}
}

// of are dumps alone.
func of(dumps ...starter.Dump) (old starter.Old) {
	for _, d := range dumps {
		old.Files, old.Dumps = append(old.Files, d.File), append(old.Dumps, d)
	}
	return old
}

// made is a starter profile of what a host has.
func made(t testing.TB, old starter.Old) *starter.Starter {
	t.Helper()
	s, err := starter.Make(old)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// filter is a table filter whose INPUT drops what the rules do not accept.
func filter(rules ...string) string {
	return "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n" + strings.Join(rules, "\n") + "\nCOMMIT\n"
}

// TestExample is the profile of a host as people write their rules, byte for byte.
func TestExample(t *testing.T) {
	v4 := dump(t, "rules.v4", ruleset.V4, filter(
		"-A INPUT -i lo -j ACCEPT",
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-A INPUT -m set --match-set bad src -j DROP",
		"-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT",
		"-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
		"-A INPUT -p udp -m udp --dport 443 -j ACCEPT",
		"-A INPUT -i wg0 -j ACCEPT",
		"-A INPUT -i lan0 -p udp -m udp --dport 53 -j ACCEPT",
		"-A INPUT -p gre -s 203.0.113.9/32 -j ACCEPT",
		"-A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT",
		"-A INPUT -p tcp -m tcp --dport 25 -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j DROP",
		"-A INPUT -p tcp -m tcp --dport 25 -j ACCEPT",
		"-A FORWARD -i wg0 -j ACCEPT",
	), "create bad hash:net family inet\nadd bad 198.51.100.0/24\n")
	v6 := dump(t, "rules.v6", ruleset.V6, filter(
		"-A INPUT -s 2001:db8:10::/48 -p tcp -m tcp --dport 22 -j ACCEPT",
		"-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
		"-A INPUT -p udp -m udp --dport 443 -j ACCEPT",
		"-A INPUT -p tcp -m tcp --dport 25 -j ACCEPT",
	), "")
	got := made(t, of(v4, v6))
	const file = "testdata/example.toml"
	if *update {
		if err := os.WriteFile(file, got.Profile, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Profile) != string(want) {
		t.Errorf("the profile is\n%s", got.Profile)
	}
	const left = `rules.v4:11: -A INPUT -i wg0 -j ACCEPT
  every port by an interface, from most sources: state a zone with trust = "all" if those that are refused today may come in there
rules.v4:15: -A INPUT -p tcp -m tcp --dport 25 -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j DROP
  a limit: state new_per_source or connections_per_source of the service
rules.v4:17: -A FORWARD -i wg0 -j ACCEPT
  packets that are sent on: a profile leaves FORWARD as it is
`
	if text := said(got.Left); text != left {
		t.Errorf("left is\n%s", text)
	}
}

// TestTrust is the trust of zones for interfaces by which every port is open.
func TestTrust(t *testing.T) {
	lan := []string{"-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-A INPUT -i wg0 -j ACCEPT", "-A INPUT -i wg1 -p tcp -j ACCEPT", "-A INPUT -i br-+ -j PODS", "-A PODS -s 10.0.0.0/8 -j ACCEPT"}
	rules := func(of ...string) string {
		return strings.Replace(filter(of...), ":OUTPUT", ":PODS - [0:0]\n:OUTPUT", 1)
	}
	v4, v6 := dump(t, "rules.v4", ruleset.V4, rules(lan...), ""), dump(t, "rules.v6", ruleset.V6, filter("-A INPUT -i wg0 -j ACCEPT"), "")
	got := made(t, of(v4, v6))
	for _, want := range []string{
		"# rules.v4:7: -A INPUT -i wg0 -j ACCEPT\n# rules.v6:5: -A INPUT -i wg0 -j ACCEPT\n[zones.wg0]\ninterfaces = [\"wg0\"]\ntrust = \"all\"\n",
		"# rules.v4:10: -A PODS -s 10.0.0.0/8 -j ACCEPT\n[zones.br]\ninterfaces = [\"br-+\"]\ntrust = [\"10.0.0.0/8\"]\n",
	} {
		if !strings.Contains(string(got.Profile), want) {
			t.Errorf("no\n%s\nin\n%s", want, got.Profile)
		}
	}
	if left := said(got.Left); left != "rules.v4:8: -A INPUT -i wg1 -p tcp -j ACCEPT\n  every port, by some interfaces: state the services that are used there, with zones\n" {
		t.Errorf("left is\n%s", left)
	}
	if only4 := made(t, of(v4, dump(t, "rules.v6", ruleset.V6, filter(), ""))); strings.Contains(string(only4.Profile), "[zones.wg0]") || !strings.Contains(said(only4.Left), "rules.v4:7") {
		t.Errorf("what IPv6 refuses is let in:\n%s%s", only4.Profile, said(only4.Left))
	}
}

func said(all []starter.Left) (text string) {
	for _, l := range all {
		text += fmt.Sprintf("%s:%d: %s\n  %s\n", l.File, l.Line, l.Rule, l.Why)
	}
	return text
}

// TestLeft is each reason for which a rule is named and not carried over.
func TestLeft(t *testing.T) {
	for rule, why := range map[string]string{
		"-A INPUT -s 10.0.0.0/8 -j ACCEPT":                                         "every port, from some sources",
		"-A INPUT -d 192.0.2.80/32 -p tcp -m tcp --dport 80 -j ACCEPT":             "only to some addresses",
		"-A INPUT ! -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT":                    "state the interfaces as a zone",
		"-A INPUT -p tcp -m tcp --dport 80 -m time --timestart 08:00:00 -j ACCEPT": "accepted only if",
		"-A INPUT -p tcp -m tcp --dport 80 -m limit --limit 5/sec -j ACCEPT":       "a limit",
		"-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT":                   "answers of a DHCP server",
		"-A FORWARD -j DROP": "packets that are sent on",
		"-A OUTPUT -j DROP":  "packets that this host sends",
	} {
		got := made(t, of(dump(t, "rules.v4", ruleset.V4, filter(rule), "")))
		if len(got.Left) != 1 || got.Left[0].Line != 5 || got.Left[0].Rule != rule || !strings.Contains(got.Left[0].Why, why) {
			t.Errorf("%s: left is %v, want %q", rule, got.Left, why)
		}
	}
	policy := made(t, of(dump(t, "rules.v4", ruleset.V4, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", "")))
	if len(policy.Left) != 1 || policy.Left[0].Line != 2 || !strings.Contains(policy.Left[0].Why, "the policy lets in") {
		t.Error(policy.Left)
	}
}

// TestEachRuleIsNamed holds that each rule of the dumps of known firewalls that packets to
// the host do not meet is named, and no line twice.
func TestEachRuleIsNamed(t *testing.T) {
	files, err := filepath.Glob("../../test/live/exact/testdata/*.v4")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := dump(t, filepath.Base(file), ruleset.V4, string(text), "")
		lines := strings.Split(string(text), "\n")
		named := map[int]bool{}
		for _, l := range made(t, of(d)).Left {
			if named[l.Line] || !strings.HasSuffix(strings.TrimSpace(lines[l.Line-1]), strings.TrimSpace(l.Rule)) && l.Rule[0] != ':' {
				t.Errorf("%s:%d is %q, and not %q", file, l.Line, lines[l.Line-1], l.Rule)
			}
			named[l.Line] = true
		}
		for i, line := range lines {
			if strings.HasPrefix(line, "-A FORWARD") || strings.HasPrefix(line, "-A OUTPUT") || strings.HasPrefix(line, "-A POSTROUTING") || strings.HasPrefix(line, "-A PREROUTING") {
				if !named[i+1] {
					t.Errorf("%s:%d is not named: %s", file, i+1, line)
				}
			}
		}
	}
}
