package state

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// sample has one of everything.
func sample() State {
	return State{
		Tables: map[TableID]tablefile.Table{
			{ruleset.V4, "filter"}: {Name: "filter", Chains: []tablefile.Chain{
				{Name: "INPUT", Policy: "DROP", Packets: 1, Rules: []tablefile.Rule{{Spec: "-j ACCEPT", Packets: 1}}}}},
			{ruleset.V6, "filter"}: {Name: "filter", Chains: []tablefile.Chain{{Name: "INPUT", Policy: "DROP"}}},
		},
		Sets: map[string]Set{
			"hardenctl-a": {Header: Header{Type: ruleset.HashNet, MaxElements: 8}, Entries: 1, Members: netset.Of(netip.MustParsePrefix("10.0.0.0/8"))},
			"f2b":         {Header: Header{Type: ruleset.HashIP}, Entries: 5},
		},
		Settings: map[string]Setting{"net.ipv4.ip_default_ttl": {Value: "64"}},
		Files:    map[string][]byte{"/a": []byte("text"), "/b": nil},
	}
}

func canonical(change func(*State)) string {
	s := sample()
	if change != nil {
		change(&s)
	}
	var b strings.Builder
	s.WriteCanonical(&b)
	return b.String()
}

// The canonical text changes with everything that a plan can depend on, and with
// nothing else.
func TestWriteCanonical(t *testing.T) {
	filter := func(s *State) *tablefile.Chain { return &s.Tables[TableID{ruleset.V4, "filter"}].Chains[0] }
	set := func(name string, change func(*Set)) func(*State) {
		return func(s *State) { x := s.Sets[name]; change(&x); s.Sets[name] = x }
	}
	before := canonical(nil)
	for name, change := range map[string]func(*State){
		"a policy":            func(s *State) { filter(s).Policy = "ACCEPT" },
		"a rule":              func(s *State) { filter(s).Rules[0].Spec = "-j DROP" },
		"a rule more":         func(s *State) { filter(s).Rules = append(filter(s).Rules, tablefile.Rule{}) },
		"a chain's name":      func(s *State) { filter(s).Name = "OUTPUT" },
		"a table less":        func(s *State) { delete(s.Tables, TableID{ruleset.V6, "filter"}) },
		"a set's size":        set("hardenctl-a", func(x *Set) { x.MaxElements = 9 }),
		"a set's timeout":     set("f2b", func(x *Set) { x.Timeout = 9 }),
		"a member":            set("hardenctl-a", func(x *Set) { x.Members = netset.Of(netip.MustParsePrefix("10.0.0.0/9")) }),
		"a set more":          func(s *State) { s.Sets["x"] = Set{} },
		"a setting":           func(s *State) { s.Settings["net.ipv4.ip_default_ttl"] = Setting{Value: "128"} },
		"a file's text":       func(s *State) { s.Files["/a"] = []byte("text\n") },
		"a file that is new":  func(s *State) { s.Files["/b"] = []byte{} },
		"a file that is gone": func(s *State) { s.Files["/a"] = nil },
	} {
		if canonical(change) == before {
			t.Errorf("%s changes nothing", name)
		}
	}
	for name, change := range map[string]func(*State){
		"nothing":                 func(*State) {},
		"counters":                func(s *State) { filter(s).Packets, filter(s).Rules[0].Bytes = 9, 9 },
		"members of others' sets": set("f2b", func(x *Set) { x.Entries = 6 }),
	} {
		if canonical(change) != before {
			t.Errorf("%s: the text is another:\n%s", name, canonical(change))
		}
	}
}
