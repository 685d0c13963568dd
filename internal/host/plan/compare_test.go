package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// tablesOf reads the text of an iptables-save as the IPv4 side of a state.
func tablesOf(t *testing.T, text string) state.State {
	t.Helper()
	parsed, err := tablefile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := state.State{Tables: map[state.TableID]tablefile.Table{}}
	for _, table := range parsed.Tables {
		s.Tables[state.TableID{Family: ruleset.V4, Name: table.Name}] = table
	}
	return s
}

// filter is the text of a filter table with these declarations and rules.
func filter(lines ...string) string { return "*filter\n" + strings.Join(lines, "\n") + "\nCOMMIT\n" }

// states is a manifest that states the policy of INPUT and the origins of the
// first two rules of our chain.
var states = bundle.Manifest{
	Profile:  "web.toml",
	Policies: []bundle.PolicyEntry{{Family: 4, Table: "filter", Chain: "INPUT", Policy: "DROP", Origin: at("policy.input", 4)}},
	Rules: []bundle.RuleEntry{
		{Family: 4, Table: "filter", Chain: "INPUT", Number: 1, Origin: at("policy.input", 4)},
		{Family: 4, Table: "filter", Chain: "HARDENCTL-INPUT", Number: 1, Origin: at("services.https", 9)},
		{Family: 4, Table: "filter", Chain: "HARDENCTL-INPUT", Number: 2, Origin: at("services.ssh", 12)},
	},
	Sets:     []bundle.SetEntry{{Name: "hardenctl-block-v4", Origin: at("sets.badguys", 20)}},
	Settings: []bundle.SettingEntry{{Key: "net.ipv4.conf.*.rp_filter", Origin: at("kernel.rp_filter", 30)}, {Module: "nf_conntrack", Option: "hashsize", Origin: at("kernel.conntrack_hashsize", 31)}},
}

func at(part string, line int) bundle.Origin {
	return bundle.Origin{Part: part, File: "web.toml", Line: line}
}

// wanted is what the profile of these tests asks for.
var wanted = filter(
	":INPUT DROP [0:0]",
	":HARDENCTL-INPUT - [0:0]",
	"-A INPUT -j HARDENCTL-INPUT",
	"-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
	"-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
	"-A HARDENCTL-INPUT -j DROP",
)

// inPlace is a host that has all of wanted and other rules behind it.
func inPlace(others ...string) string {
	return strings.Replace(wanted, "COMMIT\n", strings.Join(append(others, "COMMIT\n"), "\n"), 1)
}

// short is a step in one line.
func short(s Step) string {
	line := strings.TrimSpace(fmt.Sprintf("%s %s %s %d", s.Action, s.Kind, s.Object, s.Number))
	line = strings.TrimSuffix(line, " 0") + ": " + s.Before + " -> " + s.After
	if s.Origin != nil {
		line += fmt.Sprintf(" #%d", s.Origin.Line)
	}
	if s.Risk != "" {
		line += " !" + s.Risk
	}
	return line
}

func shorts(p *Plan) []string {
	var lines []string
	for _, s := range p.Changes {
		lines = append(lines, short(s))
	}
	return lines
}

// Rules are compared as text, in order, and only where they are ours.
func TestCompareRules(t *testing.T) {
	for _, c := range []struct {
		name, have string
		want       []string
	}{
		{"the host is as wanted", wanted, nil},
		{"counters are not a difference", strings.ReplaceAll(wanted, "[0:0]", "[7:700]"), nil},
		{"a bare host", "", []string{
			"~ policy filter INPUT: ACCEPT -> DROP #4",
			"+ chain filter HARDENCTL-INPUT:  -> 3 rules #9",
			"+ rule filter HARDENCTL-INPUT 1:  -> -p tcp -m tcp --dport 443 -j ACCEPT #9",
			"+ rule filter HARDENCTL-INPUT 2:  -> -p tcp -m tcp --dport 22 -j ACCEPT #12",
			"+ rule filter HARDENCTL-INPUT 3:  -> -j DROP",
			"+ rule filter INPUT 1:  -> -j HARDENCTL-INPUT #4",
		}},
		{"the policy was changed", strings.Replace(wanted, "DROP", "ACCEPT", 1), []string{
			"~ policy filter INPUT: ACCEPT -> DROP #4",
		}},
		{"a rule is missing", strings.Replace(wanted, "-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n", "", 1), []string{
			"+ rule filter HARDENCTL-INPUT 2:  -> -p tcp -m tcp --dport 22 -j ACCEPT #12",
		}},
		{"a rule too many", strings.Replace(wanted, "-A HARDENCTL-INPUT -j DROP", "-A HARDENCTL-INPUT -p udp -j ACCEPT\n-A HARDENCTL-INPUT -j DROP", 1), []string{
			"- rule filter HARDENCTL-INPUT 3: -p udp -j ACCEPT -> ",
		}},
		{"two rules in the other order", filter(
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT",
			"-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
			"-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
			"-A HARDENCTL-INPUT -j DROP"), []string{
			"- rule filter HARDENCTL-INPUT 1: -p tcp -m tcp --dport 22 -j ACCEPT -> ",
			"+ rule filter HARDENCTL-INPUT 2:  -> -p tcp -m tcp --dport 22 -j ACCEPT #12",
		}},
		{"a chain of ours that the profile has no more", inPlace(":HARDENCTL-OLD - [0:0]", "-A HARDENCTL-OLD -j DROP"), []string{
			"- chain filter HARDENCTL-OLD: 1 rule -> ",
		}},
		{"a chain of ours in a table that the profile does not use", wanted + "*raw\n:PREROUTING ACCEPT [0:0]\n:HARDENCTL-RAW - [0:0]\n-A PREROUTING -j HARDENCTL-RAW\nCOMMIT\n", []string{
			"- chain raw HARDENCTL-RAW: 0 rules -> ",
			"- rule raw PREROUTING 1: -j HARDENCTL-RAW -> ",
		}},
		{"a policy that the profile states no more", inPlace(":FORWARD DROP [0:0]", ":OUTPUT DROP [0:0]", ":HARDENCTL-FORWARD - [0:0]", "-A FORWARD -j HARDENCTL-FORWARD"), []string{
			"~ policy filter FORWARD: DROP -> ACCEPT !" + riskReleased,
			"- chain filter HARDENCTL-FORWARD: 0 rules -> ",
			"- rule filter FORWARD 1: -j HARDENCTL-FORWARD -> ",
		}},
		{"the jump is not first", strings.Replace(wanted, "-A INPUT -j", "-A INPUT -s 203.0.113.9/32 -j DROP\n-A INPUT -j", 1), []string{
			"~ rule filter INPUT 1: -j HARDENCTL-INPUT (as rule 2) -> -j HARDENCTL-INPUT #4",
		}},
		{"the jump is there twice", inPlace("-A INPUT -j HARDENCTL-INPUT"), []string{
			"~ rule filter INPUT 1: -j HARDENCTL-INPUT (as rule 1) -> -j HARDENCTL-INPUT #4",
		}},
		{"the jump is narrower", strings.Replace(wanted, "-A INPUT -j", "-A INPUT -i eth0 -j", 1), []string{
			"- rule filter INPUT 1: -i eth0 -j HARDENCTL-INPUT -> ",
			"+ rule filter INPUT 1:  -> -j HARDENCTL-INPUT #4",
		}},
		{"rules of others are not a difference", inPlace(":DOCKER - [0:0]", ":FORWARD DROP [0:0]", "-A FORWARD -j DOCKER", "-A INPUT -p tcp -j ACCEPT"), nil},
		{"a bare host with jumps to empty chains, as ufw leaves them", filter(":INPUT DROP [0:0]", ":ufw-before-input - [0:0]", ":ufw-user-input - [0:0]",
			"-A INPUT -j ufw-before-input", "-A ufw-before-input -j ufw-user-input"), []string{
			"+ chain filter HARDENCTL-INPUT:  -> 3 rules #9",
			"+ rule filter HARDENCTL-INPUT 1:  -> -p tcp -m tcp --dport 443 -j ACCEPT #9",
			"+ rule filter HARDENCTL-INPUT 2:  -> -p tcp -m tcp --dport 22 -j ACCEPT #12",
			"+ rule filter HARDENCTL-INPUT 3:  -> -j DROP",
			"+ rule filter INPUT 1:  -> -j HARDENCTL-INPUT #4",
		}},
		{"a bare host with rules of others", filter(":INPUT DROP [0:0]", "-A INPUT -p tcp -j ACCEPT", "-A INPUT -p udp -j ACCEPT"), []string{
			"+ chain filter HARDENCTL-INPUT:  -> 3 rules #9",
			"+ rule filter HARDENCTL-INPUT 1:  -> -p tcp -m tcp --dport 443 -j ACCEPT #9",
			"+ rule filter HARDENCTL-INPUT 2:  -> -p tcp -m tcp --dport 22 -j ACCEPT #12",
			"+ rule filter HARDENCTL-INPUT 3:  -> -j DROP",
			"+ rule filter INPUT 1:  -> -j HARDENCTL-INPUT #4",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shorts(Compare(tablesOf(t, c.have), tablesOf(t, wanted), states))
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// What others have is listed with its size, and named where it is not reached.
func TestCompareForeign(t *testing.T) {
	have := tablesOf(t, inPlace(":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":DOCKER - [0:0]", ":f2b-sshd - [0:0]",
		"-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd", "-A FORWARD -j DOCKER", "-A FORWARD -j ACCEPT",
		"-A f2b-sshd -j RETURN")+"*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n")
	have.Sets = map[string]state.Set{"f2b-sshd": {Entries: 3}}
	p := Compare(have, tablesOf(t, wanted), states)
	if !p.Empty() {
		t.Errorf("changes: %v", shorts(p))
	}
	want := []Foreign{
		{Chain, 4, "filter INPUT", 1}, {Chain, 4, "filter FORWARD", 2}, {Chain, 4, "filter DOCKER", 0},
		{Chain, 4, "filter f2b-sshd", 1}, {Chain, 4, "nat POSTROUTING", 1}, {Kind: Set, Object: "f2b-sshd", Count: 3},
	}
	if !slices.Equal(p.Untouched, want) {
		t.Errorf("untouched\n%v, want\n%v", p.Untouched, want)
	}
	if len(p.Notes) != 1 || !strings.HasPrefix(p.Notes[0], "fail2ban (f2b-sshd in IPv4 filter INPUT): its bans come behind hardenctl's rules") {
		t.Errorf("notes: %q", p.Notes)
	}
}

// Both families are compared, and a rule of one is none of the other's.
func TestCompareFamilies(t *testing.T) {
	have, want := tablesOf(t, wanted), tablesOf(t, wanted)
	v6 := state.TableID{Family: ruleset.V6, Name: "filter"}
	want.Tables[v6] = want.Tables[state.TableID{Family: ruleset.V4, Name: "filter"}]
	p := Compare(have, want, states)
	if p.Empty() {
		t.Error("nothing to do for IPv6")
	}
	for _, s := range p.Changes {
		if s.Family != 6 || s.Origin != nil || s.Kind == Policy {
			t.Errorf("not a change of IPv6 without origin: %+v", s)
		}
	}
}
