package exact

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Firewall is the rules and sets of one family.
type Firewall struct {
	Family ruleset.Family
	Tables []tablefile.Table

	// rules are those of the tables, in their order, read.
	rules []readRule
	sets  map[string]*set
	// filled are the sets that rules add to or remove from.
	filled map[string]bool
	// now says that the sets hold what a host has at this moment, and frozen that they keep
	// it.
	now, frozen bool
}

// readRule is a rule with what its matches ask.
type readRule struct {
	tablefile.Rule
	id    RuleID
	asked []tablefile.Match
	to    string // the target
}

// set is a kernel set as a text declares it, or as it was given.
type set struct {
	setfile.Set
	entries []setfile.Entry
	given   bool
	// members are what it holds: nil if that is unknown, or if only entries say it.
	members *netset.Set
}

// Set is a kernel set, for New.
type Set struct {
	setfile.Set
	// Members are what it holds: nil if they are unknown.
	Members *netset.Set
}

// Read reads what iptables-save or ip6tables-save prints, and what ipset save prints.
// Without a text of sets, or for a set that it does not declare, the members are
// unknown: the World has a Fact for each. The error names the line of the rules.
func Read(family ruleset.Family, rules, sets []byte) (*Firewall, error) {
	save, err := tablefile.Parse(rules)
	if err != nil {
		return nil, err
	}
	return look(family, save.Tables, readSets(sets))
}

// New is Read of what is parsed already. Members are not copied: a list of a million
// addresses costs no more than a short one.
func New(family ruleset.Family, tables []tablefile.Table, sets []Set) (*Firewall, error) {
	named := map[string]*set{}
	for _, s := range sets {
		named[s.Name] = &set{Set: s.Set, given: true, members: s.Members}
	}
	return look(family, tables, named)
}

// look holds the rules to the form of iptables-save.
func look(family ruleset.Family, tables []tablefile.Table, sets map[string]*set) (*Firewall, error) {
	f := &Firewall{Family: family, Tables: tables, sets: sets, filled: map[string]bool{}}
	for _, t := range f.Tables {
		if chain, found := loop(t); found {
			return nil, fmt.Errorf("table %s: chain %s leads back to itself", t.Name, chain)
		}
	}
	for id, r := range f.all() {
		read, err := f.readRule(id, r)
		if err != nil {
			return nil, fmt.Errorf("table %s, rule %d of chain %s: %w", id.Table, id.Number, id.Chain, err)
		}
		f.rules = append(f.rules, read)
	}
	return f, nil
}

func readSets(text []byte) map[string]*set {
	sets := map[string]*set{}
	for line := range setfile.Lines(string(text)) {
		switch line.Command {
		case setfile.Create:
			sets[line.Set] = &set{Set: line.Declared()}
		case setfile.Add:
			if s := sets[line.Set]; s != nil {
				s.entries = append(s.entries, line.Entry())
			}
		}
	}
	return sets
}

// long are spellings that iptables takes and iptables-save never prints. A reader that
// did not know them would take the rule for another one.
var long = []string{
	"--jump", "--goto", "--match", "--protocol", "--proto", "--source", "--src", "--destination", "--dst", "--in-interface",
	"--out-interface", "--fragment", "--table", "-t", "-A", "-4", "-6", "--ipv4", "--ipv6",
}

// readRule holds a rule to the form of iptables-save, and notes the sets that it fills.
func (f *Firewall) readRule(id RuleID, r tablefile.Rule) (readRule, error) {
	asked, err := r.Matches()
	to := r.Target()
	for _, m := range asked {
		if err == nil {
			err = f.lookAt(m)
		}
	}
	if err == nil && to == "SET" && f.chain(id.Table, "SET") == nil {
		f.noteFilled(r.TargetOptions())
	}
	return readRule{r, id, asked, to}, err
}

// noteFilled notes the sets that a target SET fills.
func (f *Firewall) noteFilled(options []string) {
	for i := range len(options) - 1 {
		if options[i] == "--add-set" || options[i] == "--del-set" {
			f.filled[options[i+1]] = true
		}
	}
}

// lookAt holds a match to the form of iptables-save, and its addresses to the family.
func (f *Firewall) lookAt(m tablefile.Match) error {
	for i, word := range m.Words {
		switch {
		case m.Name != "comment" && slices.Contains(long, word):
			return fmt.Errorf("iptables-save does not print %s; load the rules, and save them with iptables-save", word)
		case m.Name == "" && strings.HasPrefix(word, "--"):
			return fmt.Errorf("iptables-save prints -m and the match before %s; load the rules, and save them with iptables-save", word)
		case m.Name == "" && (word == "-s" || word == "-d") && i+1 < len(m.Words):
			if p, ok := prefix(m.Words[i+1]); ok && !f.Family.Has(p.Addr()) {
				return fmt.Errorf("%s is not an IPv%d address: these are rules of the other family", m.Words[i+1], f.Family)
			}
		}
	}
	return nil
}

// Interfaces are the names of interfaces in rules, those with a "+" too.
func (f *Firewall) Interfaces() (names []string) {
	for _, r := range f.rules {
		for _, m := range r.asked {
			if words := positive(m.Words); m.Name == "" && len(words) > 1 && (words[0] == "-i" || words[0] == "-o") {
				names = append(names, words[1])
			}
		}
	}
	return names
}

// positive is words without the "!" before them.
func positive(words []string) []string {
	if len(words) > 0 && words[0] == "!" {
		return words[1:]
	}
	return words
}

// members returns what is in a set of plain addresses or prefixes whose members
// do not change by themselves, or are taken for such.
func (f *Firewall) members(name string) (members netset.Set, known bool) {
	s := f.sets[name]
	if s == nil || f.filled[name] && !f.frozen || s.Type != "hash:net" && s.Type != "hash:ip" {
		return members, false
	}
	if _, forgets := s.Value("timeout"); forgets && !f.frozen {
		return members, false
	}
	if family, _ := s.Value("family"); (family == "inet6") != (f.Family == ruleset.V6) {
		return members, true // of the other family: it never matches
	}
	switch {
	case s.members != nil:
		return *s.members, true
	case s.given:
		return members, false
	}
	var prefixes []netip.Prefix
	for _, e := range s.entries {
		p, ok := s.prefix(e)
		if !ok {
			return members, false
		}
		prefixes = append(prefixes, p)
	}
	members = netset.Of(prefixes...)
	s.members = &members
	return members, true
}

// parts returns the sets of a set of sets. The kernel takes no such set in another.
func (f *Firewall) parts(name string) (names []string, isList bool) {
	s := f.sets[name]
	if s == nil || s.Type != "list:set" || s.given || f.filled[name] {
		return nil, false
	}
	for _, e := range s.entries {
		if part := f.sets[e.Element]; part == nil || part.Type != s.Type {
			names = append(names, e.Element)
		}
	}
	return names, true
}

// KnownSets yields the sets of the family whose members are known and do not change by
// themselves, by their names.
func (f *Firewall) KnownSets() iter.Seq2[string, netset.Set] {
	return func(yield func(string, netset.Set) bool) {
		for _, name := range slices.Sorted(maps.Keys(f.sets)) {
			if members, known := f.members(name); known && !yield(name, members) {
				return
			}
		}
	}
}

// prefix is what an entry of a set holds.
func (s *set) prefix(e setfile.Entry) (p netip.Prefix, ok bool) {
	if len(e.Options) > 0 && slices.ContainsFunc(e.Options, func(o setfile.Option) bool { return o.Name == "nomatch" }) {
		return p, false
	}
	if p, err := netip.ParsePrefix(e.Element); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(e.Element)
	if err != nil {
		return p, false
	}
	bits := a.BitLen()
	if mask, cut := s.Value("netmask"); cut {
		if _, err := fmt.Sscan(mask, &bits); err != nil {
			return p, false
		}
	}
	p, err = a.Prefix(bits)
	return p, err == nil
}

// loop returns a chain that leads back to itself, which the kernel does not load.
func loop(t tablefile.Table) (chain string, found bool) {
	const inside, done = 1, 2
	state := map[string]int{}
	var visit func(c *tablefile.Chain) bool
	visit = func(c *tablefile.Chain) bool {
		if c == nil || state[c.Name] == done {
			return false
		}
		if state[c.Name] == inside {
			chain = c.Name
			return true
		}
		state[c.Name] = inside
		for _, r := range c.Rules {
			if visit(t.Chain(r.Target())) {
				return true
			}
		}
		state[c.Name] = done
		return false
	}
	for i := range t.Chains {
		if visit(&t.Chains[i]) {
			return chain, true
		}
	}
	return "", false
}

// chain returns a chain of a table, or nil.
func (f *Firewall) chain(table, name string) *tablefile.Chain {
	if t := f.table(table); t != nil {
		return t.Chain(name)
	}
	return nil
}

// table returns a table, or nil.
func (f *Firewall) table(name string) *tablefile.Table {
	for i := range f.Tables {
		if f.Tables[i].Name == name {
			return &f.Tables[i]
		}
	}
	return nil
}

// Text is a rule in the words of iptables-save, and the policy of a chain as "policy
// DROP".
func (f *Firewall) Text(id RuleID) string {
	c := f.chain(id.Table, id.Chain)
	switch {
	case c == nil || id.Number > len(c.Rules):
		return ""
	case id.Number == 0:
		return "policy " + c.Policy
	}
	return c.Rules[id.Number-1].Spec
}

// Rules yields the rules in the order of the text.
func (f *Firewall) Rules() iter.Seq[RuleID] {
	return func(yield func(RuleID) bool) {
		for _, r := range f.rules {
			if !yield(r.id) {
				return
			}
		}
	}
}

func (f *Firewall) all() iter.Seq2[RuleID, tablefile.Rule] {
	return func(yield func(RuleID, tablefile.Rule) bool) {
		for _, t := range f.Tables {
			for _, c := range t.Chains {
				for i, r := range c.Rules {
					if !yield(RuleID{t.Name, c.Name, i + 1}, r) {
						return
					}
				}
			}
		}
	}
}
