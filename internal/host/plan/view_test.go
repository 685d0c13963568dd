package plan

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
)

// example has one of everything that a view shows.
func example() *Plan {
	p := &Plan{Format: Format, Profile: "web.toml",
		Untouched: []Foreign{{Chain, 4, "filter DOCKER", 1}, {Kind: Set, Object: "f2b-sshd", Count: 3}},
		OutOfReach: []Unreachable{
			{Key: "nf_conntrack.hashsize", Value: "262144", Wanted: "32768", Reason: "it belongs to the machine", Origin: origin("kernel.conntrack_hashsize", 31)},
			{Key: "net.netfilter.nf_conntrack_max", Wanted: "262144", Reason: "its module is not loaded"},
		},
		Notes:   []string{"no service loads the saved files at boot"},
		Rivals:  []Rival{{"ufw is enabled", "then run ufw disable"}},
		OnTrial: &OnTrial{"web.toml", "alice", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 60},
		Access: &Access{Sources: []AdminSource{
			{Address: "192.0.2.7", Learned: "your SSH connection", Interface: "eth0", Port: "tcp/22", Service: "ssh"},
			{Address: "203.0.113.9", Learned: "logged in by SSH", Interface: "eth0", Port: "tcp/22", Refused: "a new connection gets no answer (access.block)"},
			{Address: "198.51.100.1", Learned: "access.admin", Interface: "eth0", Port: "tcp/22", Service: "ssh", Knock: true},
			{Address: "198.51.100.9", Learned: "access.admin", Interface: "eth0", Port: "tcp/22", Service: "ssh", Knock: true},
		}},
	}
	rule := answer.RuleView{Table: "filter", Chain: "INPUT", Number: 3, Text: "-p tcp -m tcp --dport 9100 -j ACCEPT"}
	m := &meaning.Meaning{
		Differences: []answer.DifferenceView{{
			Family: 4, Hook: "INPUT", Change: "no longer accepted", First: true, Usual: true, RegionView: answer.RegionView{What: "tcp/9100", Sources: "everyone", Destinations: "everyone"},
			Example: "tcp 192.0.2.7:40000 -> 198.51.100.1:9100 syn new", Conditions: []string{},
			Before: answer.DecidedView{Verdict: "accept", Rule: &rule}, After: answer.DecidedView{Verdict: "drop"},
			Risk: "programs lose clients: tcp/9100 (exporter)",
		}},
		Listeners: []meaning.Loss{{Family: 4, Port: "tcp/9100", Program: "exporter", Sources: "everyone"}},
	}
	p.add(Step{Action: Change, Kind: Policy, Family: 4, Object: "filter INPUT", Before: "ACCEPT", After: "DROP", Origin: origin("policy.input", 4)})
	p.add(Step{Action: Add, Kind: Chain, Family: 4, Object: "filter HARDENCTL-INPUT", After: "1 rule"})
	p.add(Step{Action: Add, Kind: Rule, Family: 4, Object: "filter HARDENCTL-INPUT", Number: 1, After: "-j DROP"})
	p.add(Step{Action: Remove, Kind: Rule, Family: 6, Object: "filter INPUT", Number: 2, Before: "-j HARDENCTL-OLD"})
	p.add(Step{Action: Add, Kind: Set, Object: "hardenctl-ban-v4", After: "hash:ip, timeout 3600 s, filled by packets"})
	p.add(Step{Action: Change, Kind: Set, Object: "hardenctl-admin-v4", Before: "hash:net, 8 entries", After: "hash:net, 2 entries",
		Added: 1, AddedExamples: []string{"198.51.100.0/24"}, Removed: 7, RemovedExamples: []string{"192.0.2.0/24"}, Risk: "from 8 entries to 2"})
	p.add(Step{Action: Change, Kind: Setting, Object: "net.ipv4.ip_default_ttl", Before: "64", After: "128"})
	p.add(Step{Action: Add, Kind: File, Object: "/etc/iptables/rules.v4", After: "70 lines"})
	p.AddMeaning(m)
	return p
}

func origin(part string, line int) *bundle.Origin { o := at(part, line); return &o }

const exampleView = `What changes for packets
  IPv4, to this host: no longer accepted
    tcp/9100 from everyone
      example: tcp 192.0.2.7:40000 -> 198.51.100.1:9100 syn new
      before:  ACCEPT, rule 3 of INPUT (table filter): -p tcp -m tcp --dport 9100 -j ACCEPT
      after:   DROP, no rule is for it
      risky: programs lose clients: tcp/9100 (exporter)
  The rules of other firewalls count only as far as iptables shows them.
Programs that lose clients
    tcp/9100 (exporter): not reachable any more from everyone, over IPv4
IPv4 rules
  ~ policy filter INPUT: ACCEPT -> DROP   # web.toml:4
  + chain filter HARDENCTL-INPUT: 1 rule
  + filter HARDENCTL-INPUT 1: -j DROP
IPv6 rules
  - filter INPUT 2: -j HARDENCTL-OLD
Sets
  + hardenctl-ban-v4: hash:ip, timeout 3600 s, filled by packets
  ~ hardenctl-admin-v4: hash:net, 8 entries -> hash:net, 2 entries (+ 198.51.100.0/24, - 192.0.2.0/24, - 6 more)
      risky: from 8 entries to 2
Kernel settings
  ~ net.ipv4.ip_default_ttl: 64 -> 128 (no longer stated; value before hardenctl)
Files
  + /etc/iptables/rules.v4: 70 lines
Out of reach
    nf_conntrack.hashsize: 262144, not 32768: it belongs to the machine
    net.netfilter.nf_conntrack_max: nothing, not 262144: its module is not loaded
Unmanaged (left unchanged)
    IPv4 filter DOCKER, 1 rule
    set f2b-sshd, 3 entries
Admin access, tested with real packets
  risky: 203.0.113.9 (logged in by SSH) at tcp/22: a new connection gets no answer (access.block)
    your SSH connection, at tcp/22: 192.0.2.7
    access.admin, at tcp/22 after a knock: 198.51.100.1, 198.51.100.9
Note: no service loads the saved files at boot
Another firewall is active; apply stops until you disable it
  warning: ufw is enabled: then run ufw disable
Risky changes
  IPv4, to this host: no longer accepted
    tcp/9100 from everyone
      risky: programs lose clients: tcp/9100 (exporter)
  hardenctl-admin-v4: hash:net, 8 entries -> hash:net, 2 entries (+ 198.51.100.0/24, - 192.0.2.0/24, - 6 more)
      risky: from 8 entries to 2
Plan: 4 to add, 3 to change, 1 to remove, 2 risky.
`

func TestPrint(t *testing.T) {
	var plain, colourful bytes.Buffer
	example().Print(&plain, false, true)
	if plain.String() != exampleView {
		t.Errorf("got\n%s\nwant\n%s", &plain, exampleView)
	}
	example().Print(&colourful, true, true)
	for _, want := range []string{
		"\x1b[1mIPv4 rules\x1b[0m\n",
		"  \x1b[33m~\x1b[0m policy filter INPUT: ACCEPT -> DROP   \x1b[2m# web.toml:4\x1b[0m\n",
		"      \x1b[1;33mrisky:\x1b[0m ", "  \x1b[32m+\x1b[0m chain", "  \x1b[31m-\x1b[0m filter INPUT 2", "\x1b[1mNote:\x1b[0m",
	} {
		if !strings.Contains(colourful.String(), want) {
			t.Errorf("no %q in\n%q", want, &colourful)
		}
	}
	if got := uncolour(colourful.String()); got != exampleView {
		t.Errorf("colours change the text:\n%s", got)
	}
}

// In a screen are the meaning, how much changes, and what is risky, in place of each change.
func TestPrintBrief(t *testing.T) {
	p := example()
	for i := range 9 {
		p.add(Step{Action: Add, Kind: Rule, Family: 6, Object: "filter HARDENCTL-INPUT", Number: i + 1, After: "-j ACCEPT"})
		p.Untouched = append(p.Untouched, Foreign{Chain, 4, "filter MORE", 2})
	}
	var b bytes.Buffer
	p.Print(&b, false, false)
	for _, want := range []string{
		"What changes for packets\n", "Changes (--full lists each)\n    IPv4 rules: + 1 chain, + 1 rule, ~ 1 policy\n    IPv6 rules: + 9 rules, - 1 rule\n    Sets: + 1 set, ~ 1 set\n",
		"Unmanaged (left unchanged; --full lists each)\n    10 chains with 19 rules, 1 set\n", "      risky: from 8 entries to 2\nPlan: 13 to add",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "-j ACCEPT\n  +") {
		t.Errorf("rules are listed:\n%s", &b)
	}
}

func uncolour(text string) string {
	for _, tint := range []string{"0", "1", "2", "31", "32", "33", "1;33"} {
		text = strings.ReplaceAll(text, "\x1b["+tint+"m", "")
	}
	return text
}

func TestPrintNothing(t *testing.T) {
	var b bytes.Buffer
	(&Plan{}).Print(&b, false, true)
	if b.String() != "No changes: the host is as the profile says.\n" {
		t.Errorf("%q", &b)
	}
	b.Reset()
	(&Plan{OnTrial: example().OnTrial}).Print(&b, false, true)
	if b.String() != "No changes: the host is as the profile says, on trial until 03:04:05.\n" {
		t.Errorf("%q", &b)
	}
	b.Reset()
	(&Plan{Rivals: []Rival{{"ufw is enabled", "then run ufw disable"}}}).Print(&b, false, true)
	if got := b.String(); strings.Contains(got, "the host is what") || !strings.Contains(got, "No changes, but another firewall is active.\n") {
		t.Errorf("%q", got)
	}
}

// A view that cannot be written is an error.
func TestPrintError(t *testing.T) {
	w, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := example().Print(w, false, true); err == nil {
		t.Error("a full disk took the plan")
	}
}

// A name that has a newline makes no line of its own, wherever a plan has it.
func TestPrintNames(t *testing.T) {
	const name = "x\nforged"
	p := &Plan{
		Changes:    []Step{{Action: Add, Kind: Set, Object: name, After: name, Risk: name}, {Action: Remove, Kind: Chain, Object: name, Before: name}},
		Untouched:  []Foreign{{Kind: Set, Object: name}, {Kind: Chain, Object: name}},
		OutOfReach: []Unreachable{{Key: name, Value: name, Wanted: name, Reason: name}},
		Notes:      []string{name},
		Meaning:    &meaning.Meaning{Unknown: name, Listeners: []meaning.Loss{{Port: name, Program: name, Sources: name}}},
		Rivals:     []Rival{{Seen: name, WayOut: name}},
		Access:     &Access{Sources: []AdminSource{{Address: name, Learned: name, Refused: name}, {Address: name, Program: name}}, NotAdmins: []string{name}, Closed: name},
	}
	var b strings.Builder
	if err := p.Print(&b, true, true); err != nil || strings.Contains(b.String(), "\nforged") || strings.Count(b.String(), `x\x0aforged`) < 20 {
		t.Errorf("%v:\n%s", err, &b)
	}
}
