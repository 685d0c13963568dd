package exact

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// state is what must be of the server for the conditions of a packet.
type state struct {
	shape
	sets string // lines for ipset
	full []string
	// others are rules with numbers so small that one packet uses up a limit.
	others map[exact.RuleID]func(tablefile.Rule) tablefile.Rule
	uses   int // how many packets use up the limits
	bound  bool
	lists  map[string]int // lists of -m recent, and how often the source is in them
}

// stateFor returns the state for conditions. needs says what this test cannot make.
func (b *bench) stateFor(p exact.Packet, conditions []exact.Condition) (s state, needs string) {
	s.others, s.lists = map[exact.RuleID]func(tablefile.Rule) tablefile.Rule{}, map[string]int{}
	var rest []exact.Condition
	s.shape, rest = shaped(conditions)
	for _, c := range rest {
		switch {
		case c.Fact.Kind == exact.Member && c.Holds:
			s.sets += fmt.Sprintf("add %s %s%s\n", c.Fact.Set, element(p, c.Fact.Direction), hasCounted(conditions, c.Fact))
		case c.Fact.Kind == exact.Room && !c.Holds:
			s.full = append(s.full, c.Fact.Set)
		case c.Fact.Kind == exact.Asked:
			if !b.ask(&s, c) {
				return s, c.String()
			}
		}
	}
	if s.uses > 0 {
		b.widen(&s)
	}
	s.sets = b.small(s.full, rest) + s.sets
	return s, ""
}

// widen gives all other limits of a source room for the packets that use up one.
func (b *bench) widen(s *state) {
	for id := range b.firewall.Rules() {
		if s.others[id] == nil && strings.Contains(b.firewall.Text(id), "-m hashlimit ") {
			s.others[id] = func(r tablefile.Rule) tablefile.Rule {
				r.Spec = rate.ReplaceAllString(r.Spec, "$1 10000/sec --hashlimit-burst 10000")
				r.Spec = tableName.ReplaceAllString(r.Spec, fmt.Sprint("--hashlimit-name x", b.next, "-", id.Number, id.Chain[len(id.Chain)-1:]))
				r.Spec = expiry.ReplaceAllString(r.Spec, "")
				return roomy(r)
			}
		}
	}
}

// ask makes the state in which a match holds, or does not.
func (b *bench) ask(s *state, c exact.Condition) bool {
	match, _, _ := strings.Cut(strings.TrimPrefix(c.Fact.Text, "-m "), " ")
	switch usedUp := !c.Holds; match {
	case "addrtype": // the road of the packet
		return true
	case "socket":
		s.bound = c.Holds
		return true
	case "recent":
		hits, _ := words(c.Fact.Text).number("--hitcount")
		s.lists[words(c.Fact.Text).value("--name")] = hits
		return c.Holds
	case "connlimit":
		return c.Holds && b.change(s, c.Fact, func(text string) string { return aboveNone.ReplaceAllString(text, "--connlimit-above 0") })
	case "hashlimit":
		if strings.Contains(c.Fact.Text, "--hashlimit-above") {
			usedUp = c.Holds
		}
		s.uses++
		b.next++
		name := fmt.Sprint("--hashlimit-name w", b.next)
		return usedUp && b.change(s, c.Fact, func(text string) string {
			text = rate.ReplaceAllString(text, "$1 1/day --hashlimit-burst 1")
			return expiry.ReplaceAllString(tableName.ReplaceAllString(text, name), "")
		})
	case "limit":
		s.uses++
		return usedUp && b.change(s, c.Fact, func(string) string { return "-m limit --limit 1/day --limit-burst 1" })
	}
	return false
}

var (
	aboveNone = regexp.MustCompile(`--connlimit-above \d+`)
	rate      = regexp.MustCompile(`(--hashlimit-(?:upto|above)) \S+ --hashlimit-burst \d+`)
	tableName = regexp.MustCompile(`--hashlimit-name \S+`)
	expiry    = regexp.MustCompile(` --hashlimit-htable-expire \d+`)
)

// words are those of a match.
type words string

func (w words) value(option string) string {
	all := strings.Fields(string(w))
	if at := slices.Index(all, option); at >= 0 && at+1 < len(all) {
		return all[at+1]
	}
	return ""
}

func (w words) number(option string) (n int, err error) {
	_, err = fmt.Sscan(w.value(option), &n)
	return n, err
}

// change changes the match that a fact is about: of those that read alike the one that it
// counts.
func (b *bench) change(s *state, f exact.Fact, to func(string) string) bool {
	seen, found := 0, false
	for _, table := range b.firewall.Tables {
		for _, c := range table.Chains {
			for i, r := range c.Rules {
				asked, _ := r.Matches() // the engine has split it
				for _, m := range asked {
					if m.String() != f.Text {
						continue
					}
					if seen++; seen == f.Which+1 {
						id := exact.RuleID{Table: table.Name, Chain: c.Name, Number: i + 1}
						before := s.others[id]
						s.others[id] = func(r tablefile.Rule) tablefile.Rule {
							if before != nil {
								r = before(r)
							}
							r.Spec = strings.Replace(r.Spec, f.Text, to(f.Text), 1)
							return r
						}
						found = true
					}
				}
			}
		}
	}
	return found
}

// small are lines for sets that are full: each has room for the members that conditions
// state, and for one more.
func (b *bench) small(full []string, conditions []exact.Condition) (lines string) {
	for line := range setfile.Lines(b.setsText) {
		if line.Command != setfile.Create || !slices.Contains(full, line.Set) {
			continue
		}
		room := 1
		for _, c := range conditions {
			if c.Fact.Kind == exact.Member && c.Fact.Set == line.Set && c.Holds {
				room++
			}
		}
		lines += swapped(line.Set, mostElements.ReplaceAllString(line.Text, fmt.Sprintf("hashsize 64 maxelem %d", room)))
		member := map[ruleset.Family]string{ruleset.V4: "198.18.0.1", ruleset.V6: "2001:db8:ffff::1"}[b.family]
		if strings.Contains(line.Text, "ip,port") {
			member += ",tcp:9"
		}
		lines += fmt.Sprintf("add %s %s\n", line.Set, member)
	}
	return lines
}

var mostElements = regexp.MustCompile(`hashsize \d+ maxelem \d+`)

// element is what a set holds of a packet.
func element(p exact.Packet, direction string) string {
	address, port := p.Source, p.Values[exact.DestinationPort]
	if strings.HasPrefix(direction, "dst") {
		address = p.Destination
	}
	if strings.HasSuffix(direction, ",src") {
		port = p.Values[exact.SourcePort]
	}
	if !strings.Contains(direction, ",") {
		return address.String()
	}
	return fmt.Sprintf("%v,%s:%d", address, map[uint64]string{tcp: "tcp", udp: "udp"}[p.Values[exact.Protocol]], port)
}

// hasCounted is what the entry has counted, where a condition says it.
func hasCounted(conditions []exact.Condition, member exact.Fact) string {
	for _, c := range conditions {
		if c.Fact.Kind == exact.Counted && c.Holds && c.Fact.Set == member.Set && c.Fact.Direction == member.Direction {
			return fmt.Sprintf(" packets %d bytes 0", c.Fact.Above+1)
		}
	}
	return ""
}

// bind has a program wait for a datagram, until the test says that it is over.
func bind(t *testing.T, p exact.Packet) (end func()) {
	t.Helper()
	network := "udp4"
	if p.Family == ruleset.V6 {
		network = "udp6"
	}
	c, err := net.ListenUDP(network, &net.UDPAddr{Port: int(p.Values[exact.DestinationPort])})
	must(t, err)
	return func() { c.Close() }
}

// listed empties the lists of -m recent, and puts a source into some.
func listed(t *testing.T, p exact.Packet, lists map[string]int) {
	t.Helper()
	files, _ := filepath.Glob("/proc/net/xt_recent/*")
	for _, file := range files {
		must(t, os.WriteFile(file, []byte("/"), 0))
		for range lists[filepath.Base(file)] {
			masked, _ := p.Source.Prefix(sourceBits[p.Family])
			must(t, os.WriteFile(file, []byte("+"+masked.Addr().String()), 0))
		}
	}
}
