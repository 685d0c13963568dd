package guard

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// rulesOf is the IPv4 side of a state.
func rulesOf(t *testing.T, text string) map[state.TableID]tablefile.Table {
	t.Helper()
	save, err := tablefile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tables := map[state.TableID]tablefile.Table{}
	for _, table := range save.Tables {
		tables[state.TableID{Family: ruleset.V4, Name: table.Name}] = table
	}
	return tables
}

const (
	ours = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:HARDENCTL-INPUT - [0:0]\n-A INPUT -j HARDENCTL-INPUT\n"
	lets = "-A HARDENCTL-INPUT -s 198.51.100.0/24 -j ACCEPT\n"
	bans = "-A HARDENCTL-INPUT -m set --match-set hardenctl-ban-v4 src -j DROP\n"
	shut = "-A HARDENCTL-INPUT -j DROP\nCOMMIT\n"
)

// admins is the question of a profile whose admins reach SSH by ours, on a host with rules of
// others in raw.
func admins(t *testing.T, ours, others string) Question {
	q := example()
	q.Families = []ruleset.Family{ruleset.V4}
	q.Bundle.Manifest.Policies = []bundle.PolicyEntry{{Family: 4, Table: "filter", Chain: "INPUT", Policy: "DROP"}}
	q.Bundle.Manifest.Access.Services[0].Ports = q.Bundle.Manifest.Access.Services[0].Ports[:1]
	q.Bundle.Manifest.Rules = []bundle.RuleEntry{{Family: 4, Table: "filter", Chain: "HARDENCTL-INPUT", Number: 1, Origin: bundle.Origin{Part: "access.block", File: "web.toml", Line: 13}}}
	q.Want.Tables = rulesOf(t, ours)
	q.Have.Tables = rulesOf(t, "*raw\n:PREROUTING ACCEPT [0:0]\n"+others+"COMMIT\n")
	return q
}

// tried is a visit that was made.
func tried(refused string) *visit {
	return &visit{from: netip.MustParseAddr("198.51.100.7"), link: "eth0", door: door{protocol: "tcp", number: 22, service: "ssh"}, learned: learnedDeclared, refused: refused}
}

// The proof finds what the rehearsal of one address in one state does not, with the rule that
// does it: an address that is refused in every state stops an apply, a state is only said.
func TestProof(t *testing.T) {
	for _, c := range []struct {
		name, ours, others string
		refused, states    string
	}{
		{name: "admins get in", ours: ours + lets + shut},
		{name: "another address is refused by others", ours: ours + lets + shut, others: "-A PREROUTING -s 198.51.100.64/26 -j DROP\n",
			refused: "198.51.100.71 at tcp/22: the rules refuse a new connection (drop, rule 1 of PREROUTING (table raw): -s 198.51.100.64/26 -j DROP)"},
		{name: "by an interface that is not theirs", ours: ours + lets + shut, others: "-A PREROUTING -s 198.51.100.0/24 -i eth1 -j DROP\n"},
		{name: "by the interface of one that was tried", ours: ours + lets + shut, others: "-A PREROUTING -s 198.51.100.0/24 -i eth0 -j DROP\n",
			refused: "198.51.100.7 at tcp/22: the rules refuse a new connection (drop, rule 1 of PREROUTING (table raw): -s 198.51.100.0/24 -i eth0 -j DROP)"},
		{name: "another address is refused by ours", ours: ours + "-A HARDENCTL-INPUT -s 198.51.100.64/26 -j DROP\n" + lets + shut,
			refused: "198.51.100.71 at tcp/22: the rules refuse a new connection (drop, rule 1 of HARDENCTL-INPUT (table filter): -s 198.51.100.64/26 -j DROP; web.toml:13: access.block)"},
		{name: "a ban comes first", ours: ours + bans + lets + shut,
			states: " (access.admin) at tcp/22: drop, rule 1 of HARDENCTL-INPUT (table filter): -m set --match-set hardenctl-ban-v4 src -j DROP; web.toml:13: access.block, if the source is in hardenctl-ban-v4"},
		{name: "a list of others decides", ours: ours + lets + shut, others: "-A PREROUTING -m set ! --match-set known src -j DROP\n",
			states: "rule 1 of PREROUTING (table raw): -m set ! --match-set known src -j DROP, if "},
		{name: "a limit is used up", ours: ours + lets + shut, others: "-A PREROUTING -m hashlimit --hashlimit-above 9/sec --hashlimit-mode srcip --hashlimit-name a -j DROP\n", states: "if the source is above 9/sec"},
	} {
		q, found, v := admins(t, c.ours, c.others), &plan.Access{}, tried("")
		notes := q.addProof(found, []*visit{v}, q.proveAll())
		var refused []string
		for _, s := range found.Sources {
			refused = append(refused, s.Address+" at "+s.Port+": "+s.Refused)
		}
		states := strings.Join(found.States, "\n")
		if notes != nil || strings.Join(refused, "\n") != c.refused || !strings.Contains(states, c.states) || (states == "") != (c.states == "") || found.Contradiction != "" {
			t.Errorf("%s: refused %q, states %q, contradiction %q, notes %q", c.name, refused, states, found.Contradiction, notes)
		}
	}
}

// A rehearsal and a proof that say the reverse of the same rules are a fault of ours, and no
// apply goes on. Rules of others explain a difference: the rehearsal has none of them.
func TestContradiction(t *testing.T) {
	for _, c := range []struct {
		name, ours, others, refused string
		want                        string
	}{
		{name: "both accept", ours: ours + lets + shut},
		{name: "both refuse", ours: ours + shut, refused: "a new connection would be refused"},
		{name: "only the proof accepts", ours: ours + lets + shut, refused: "a new connection would be refused",
			want: "198.51.100.7 at tcp/22: in the rehearsal a new connection would be refused, but by the proof the rules accept every packet"},
		{name: "only the rehearsal accepts", ours: ours + shut, want: "198.51.100.7 at tcp/22: in the rehearsal its connections were accepted, but by the proof the rules refuse every packet"},
		{name: "rules of others refuse", ours: ours + lets + shut, others: "-A PREROUTING -j DROP\n"},
		{name: "a ban that is there now refuses", ours: ours + bans + lets + shut, refused: "a new connection would be refused"},
	} {
		q, found := admins(t, c.ours, c.others), &plan.Access{}
		visits := []*visit{tried(c.refused)}
		found.Sources = results(visits)
		q.addProof(found, visits, q.proveAll())
		if found.Contradiction != c.want {
			t.Errorf("%s: %q, want %q", c.name, found.Contradiction, c.want)
		}
		if err := found.Refusal(); c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "the rehearsal and the proof disagree about admin access: "+c.want) || !strings.HasSuffix(err.Error(), "report this if it stays")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// leadingAdmins is the question of admins on a host with jumps of others in INPUT, which the
// profile lets come before ours. Ours are in force, behind the jumps or before them.
func leadingAdmins(t *testing.T, input, chain string) Question {
	q := admins(t, ours+lets+shut, "")
	q.Bundle.Manifest.Leading = []string{"f2b-*"}
	q.Have.Tables = rulesOf(t, strings.Replace(ours, "-A INPUT -j HARDENCTL-INPUT\n", ":f2b-sshd - [0:0]\n:MINE - [0:0]\n"+input, 1)+
		chain+"-A MINE -j DROP\n"+lets+shut)
	return q
}

// A jump before ours is in force: what it refuses to an admin address is found, and not
// where it comes behind ours. The rehearsal has its rules too, so that both agree.
func TestProofOfLeading(t *testing.T) {
	const bans, hook, mine = "-A INPUT -p tcp -j f2b-sshd\n", "-A INPUT -j HARDENCTL-INPUT\n", "-A INPUT -j MINE\n"
	const banned, listed = "-A f2b-sshd -s 198.51.100.64/26 -j DROP\n", "-A f2b-sshd -m set --match-set f2b-sshd src -j DROP\n"
	const refused = "198.51.100.71 at tcp/22: the rules refuse a new connection (drop, rule 1 of f2b-sshd (table filter): -s 198.51.100.64/26 -j DROP)"
	for _, c := range []struct {
		name, input, chain, refused, states string
	}{
		{name: "before ours", input: bans + hook, chain: banned, refused: refused},
		{name: "before ours, which are to come", input: bans, chain: banned, refused: refused},
		{name: "behind ours", input: hook + bans, chain: banned},
		{name: "another rule before ours, which an apply puts behind", input: bans + mine + hook, chain: ""},
		{name: "a set of others", input: bans + hook, chain: listed, states: "rule 1 of f2b-sshd (table filter): -m set --match-set f2b-sshd src -j DROP, if "},
	} {
		q, found, v := leadingAdmins(t, c.input, c.chain), &plan.Access{}, tried("")
		q.others.leading = q.leading()
		notes := q.addProof(found, []*visit{v}, q.proveAll())
		var got []string
		for _, s := range found.Sources {
			got = append(got, s.Address+" at "+s.Port+": "+s.Refused)
		}
		states := strings.Join(found.States, "\n")
		if notes != nil || strings.Join(got, "\n") != c.refused || !strings.Contains(states, c.states) || (states == "") != (c.states == "") || found.Contradiction != "" {
			t.Errorf("%s: refused %q, states %q, contradiction %q, notes %q", c.name, got, states, found.Contradiction, notes)
		}
	}
}

// A rehearsal with leading jumps is held against a proof that has them, and no other rules of
// others: what they accept, ours refuse, and a rule in raw drops, is no contradiction.
func TestContradictionOfLeading(t *testing.T) {
	for chain, refused := range map[string]string{
		"-A f2b-sshd -s 198.51.100.7/32 -j DROP\n": "a new connection would be refused",
		"-A f2b-sshd -j ACCEPT\n":                  "",
	} {
		q := leadingAdmins(t, "-A INPUT -p tcp -j f2b-sshd\n-A INPUT -j HARDENCTL-INPUT\n", chain)
		q.Want.Tables = rulesOf(t, ours+shut)
		raw := state.TableID{Family: ruleset.V4, Name: "raw"}
		q.Have.Tables[raw] = rulesOf(t, "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DROP\nCOMMIT\n")[raw]
		q.others.leading = q.leading()
		found := &plan.Access{}
		if q.addProof(found, []*visit{tried(refused)}, q.proveAll()); found.Contradiction != "" {
			t.Errorf("%q: %s", chain, found.Contradiction)
		}
	}
}

// What stays before ours is what the rehearsal loads: the leading jumps, and all to which
// they lead.
func TestLeadingRules(t *testing.T) {
	q := leadingAdmins(t, "-A INPUT -p tcp -j f2b-sshd\n-A INPUT -j MINE\n-A INPUT -j HARDENCTL-INPUT\n", "-A f2b-sshd -s 192.0.2.9/32 -j RETURN\n-A f2b-sshd -j MINE\n")
	const want = "*filter\n:INPUT DROP [0:0]\n:f2b-sshd - [0:0]\n:MINE - [0:0]\n-A INPUT -p tcp -j f2b-sshd\n" +
		"-A f2b-sshd -s 192.0.2.9/32 -j RETURN\n-A f2b-sshd -j MINE\n-A MINE -j DROP\nCOMMIT\n"
	if got := string(leadingRules(q.leading(), ruleset.V4)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if leadingRules(q.leading(), ruleset.V6) != nil || namesSets(q.leading()) {
		t.Error("rules of IPv6, or a set, where none is")
	}
	q.Bundle.Manifest.Leading = nil
	if got := q.leading(); len(got) != 0 {
		t.Errorf("without a name in the profile: %+v", got)
	}
}

// Rules that the engine cannot take are noted: the rehearsal alone says who gets in.
func TestUnproven(t *testing.T) {
	q := admins(t, ours+lets+shut, "")
	q.Have.Tables = rulesOf(t, "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING --dport 22 -j DROP\nCOMMIT\n")
	found := &plan.Access{}
	notes := q.addProof(found, []*visit{tried("")}, q.proveAll())
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "admin access was tested with packets, but not proven for every admin address and state: IPv4: table raw, rule 1") || !slices.Equal(found.Sources, nil) {
		t.Errorf("%q, %+v", notes, found)
	}
}
