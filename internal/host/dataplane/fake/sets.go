package fake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// set is a set of ipset.
type set struct {
	header   kernelset.Header // without what is counted
	declared setfile.Set
	members  map[member]time.Duration // when it times out, on the machine's clock
}

// member is an entry but for its timeout and what it has counted.
type member struct {
	prefix  netip.Prefix
	noMatch bool
}

// forever is when a member ends that does not time out.
const forever time.Duration = -1

// lines are the members as `ipset save` prints them, without timeouts.
func (s *set) lines() string {
	var lines []string
	for e := range s.members {
		entry := setfile.Entry{Set: s.header.Name, Element: e.prefix.String()}
		if e.noMatch {
			entry.Options = []setfile.Option{{Name: "nomatch"}}
		}
		lines = append(lines, entry.String()+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

type sets struct{ m *Machine }

// Create implements dataplane.Sets.
func (s sets) Create(_ context.Context, all ...setfile.Set) error {
	for _, declared := range all {
		err := s.m.do("create "+declared.Name, func() error { return s.m.create(declared) })
		if err != nil {
			return fmt.Errorf("cannot create sets: %w", err)
		}
	}
	return nil
}

// toolError is an error in the words of the real tool.
type toolError string

// Error is the text as the tool prints it.
func (s toolError) Error() string { return string(s) }

func (m *Machine) create(declared setfile.Set) error {
	if m.sets[declared.Name] != nil {
		return refused("ipset", 0, &LineError{1, declared.String(), toolError("Set cannot be created: set with the same name already exists")})
	}
	h := kernelset.Header{Name: declared.Name, Type: declared.Type, Family: ruleset.V4, HashSize: 1024, MaxElem: 65536}
	for _, o := range declared.Options {
		number, _ := strconv.Atoi(o.Value)
		switch o.Name {
		case "family":
			if o.Value == "inet6" {
				h.Family = ruleset.V6
			}
		case "hashsize":
			h.HashSize = uint32(number)
		case "maxelem":
			h.MaxElem = uint32(number)
		case "netmask":
			h.Netmask = uint8(number)
		case "timeout":
			h.HasTimeout, h.Timeout = true, time.Duration(number)*time.Second
		case "counters":
			h.Counters = true
		case "comment":
			h.Comments = true
		case "forceadd":
			h.ForceAdd = true
		}
	}
	m.sets[declared.Name] = &set{h, declared, map[member]time.Duration{}}
	return nil
}

// Load implements dataplane.Sets.
func (s sets) Load(_ context.Context, text []byte) error {
	return s.m.do("load sets", func() error { return s.m.loadSets(text) })
}

func (m *Machine) loadSets(text []byte) error {
	n := 0
	for line := range setfile.Lines(string(text)) {
		n++
		var err error
		switch line.Command {
		case setfile.Create:
			if m.sets[line.Set] == nil {
				err = m.create(line.Declared())
			}
		case setfile.Add:
			err = m.addLine(line.Entry())
		}
		if err != nil {
			return refused("ipset", 0, &LineError{n, strings.TrimSuffix(line.Text, "\n"), err})
		}
	}
	return nil
}

func (m *Machine) addLine(e setfile.Entry) error {
	prefix, err := netip.ParsePrefix(e.Element)
	if addr, failed := netip.ParseAddr(e.Element); failed == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil {
		return toolError("Syntax error: cannot parse " + e.Element)
	}
	entry := kernelset.Entry{Prefix: prefix}
	if value, timed := e.Value("timeout"); timed {
		seconds, _ := strconv.Atoi(value)
		if entry.Timeout = time.Duration(seconds) * time.Second; seconds == 0 {
			entry.Timeout = kernelset.Forever
		}
	}
	return m.add(e.Set, entry)
}

// Add implements dataplane.Sets.
func (s sets) Add(name string, prefixes []netip.Prefix) error {
	var entries []kernelset.Entry
	for _, p := range prefixes {
		entries = append(entries, kernelset.Entry{Prefix: p})
	}
	return s.AddEntries(name, entries)
}

// AddEntries implements dataplane.Sets. Without entries it changes nothing.
func (s sets) AddEntries(name string, entries []kernelset.Entry) error {
	return s.m.do("add "+name, func() error {
		if _, err := s.Lookup(name); err != nil {
			return err
		}
		for _, e := range entries {
			if err := s.m.add(name, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *Machine) add(name string, e kernelset.Entry) error {
	s := m.sets[name]
	if s == nil {
		return kernelset.ErrNotFound
	}
	if !s.header.Family.Has(e.Prefix.Addr()) {
		return &kernelset.EntryError{Set: name, Prefix: e.Prefix, Err: fmt.Errorf("the set holds IPv%d", s.header.Family)}
	}
	if s.header.Type == kernelset.HashIP && s.header.Netmask > 0 {
		e.Prefix = netip.PrefixFrom(e.Prefix.Addr(), int(s.header.Netmask)).Masked()
	}
	key := member{e.Prefix.Masked(), e.NoMatch}
	if _, there := s.members[key]; !there && len(s.members) >= int(s.header.MaxElem) && !s.header.ForceAdd {
		return &kernelset.EntryError{Set: name, Prefix: e.Prefix, Err: kernelset.ErrFull}
	}
	s.members[key] = m.end(s, e.Timeout)
	return nil
}

// end is when a member ends that was given a timeout, rounded up to seconds.
func (m *Machine) end(s *set, timeout time.Duration) time.Duration {
	if timeout == 0 {
		timeout = s.header.Timeout
	}
	if !s.header.HasTimeout || timeout <= 0 {
		return forever
	}
	return m.passed + (timeout + time.Second - 1).Truncate(time.Second)
}

// Flush implements dataplane.Sets.
func (s sets) Flush(name string) error {
	return s.change("flush", name, func(found *set) error { clear(found.members); return nil })
}

// change does to a set that exists what a command of ipset does.
func (s sets) change(command, name string, act func(*set) error) error {
	return s.m.do(command+" "+name, func() error {
		found, err := s.m.sets[name], error(kernelset.ErrNotFound)
		if found != nil {
			err = act(found)
		}
		if err != nil {
			return fmt.Errorf("cannot %s set %s: %w", command, name, err)
		}
		return nil
	})
}

// Swap implements dataplane.Sets.
func (s sets) Swap(a, b string) error {
	return s.m.do("swap "+a+" "+b, func() error {
		one, other := s.m.sets[a], s.m.sets[b]
		err := error(nil)
		switch {
		case one == nil || other == nil:
			err = kernelset.ErrNotFound
		case one.header.Type != other.header.Type || one.header.Family != other.header.Family:
			err = errors.New("the sets are not of one type and family")
		}
		if err != nil {
			return fmt.Errorf("cannot swap sets %s and %s: %w", a, b, err)
		}
		s.m.sets[a], s.m.sets[b] = other.named(a), one.named(b)
		return nil
	})
}

// named gives a set a name.
func (s *set) named(name string) *set {
	s.header.Name, s.declared.Name = name, name
	return s
}

// Rename implements dataplane.Sets.
func (s sets) Rename(from, to string) error {
	return s.m.do("rename "+from+" "+to, func() error {
		err := error(nil)
		switch {
		case s.m.sets[from] == nil:
			err = kernelset.ErrNotFound
		case s.m.references(from) > 0:
			err = kernelset.ErrBusy
		case s.m.sets[to] != nil:
			err = errors.New("there is a set of that name")
		}
		if err != nil {
			return fmt.Errorf("cannot rename set %s to %s: %w", from, to, err)
		}
		s.m.sets[to] = s.m.sets[from].named(to)
		delete(s.m.sets, from)
		return nil
	})
}

// Destroy implements dataplane.Sets.
func (s sets) Destroy(name string) error {
	return s.m.do("destroy "+name, func() error {
		if s.m.references(name) > 0 {
			return fmt.Errorf("cannot destroy set %s: %w", name, kernelset.ErrBusy)
		}
		delete(s.m.sets, name)
		return nil
	})
}

// List implements dataplane.Sets.
func (s sets) List() ([]kernelset.Header, error) {
	var all []kernelset.Header
	for name := range s.m.sets {
		all = append(all, s.m.header(name))
	}
	slices.SortFunc(all, func(a, b kernelset.Header) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// header is that of a set that exists, as it is now.
func (m *Machine) header(name string) kernelset.Header {
	h := m.sets[name].header
	h.Entries, h.References = uint32(len(m.sets[name].members)), uint32(m.references(name))
	return h
}

// Lookup implements dataplane.Sets.
func (s sets) Lookup(name string) (kernelset.Header, error) {
	if s.m.sets[name] == nil {
		return kernelset.Header{}, fmt.Errorf("cannot look up set %s: %w", name, kernelset.ErrNotFound)
	}
	return s.m.header(name), nil
}

// Members implements dataplane.Sets. They come in order.
func (s sets) Members(name string) iter.Seq2[kernelset.Entry, error] {
	return func(yield func(kernelset.Entry, error) bool) {
		found := s.m.sets[name]
		if found == nil {
			yield(kernelset.Entry{}, fmt.Errorf("cannot read the members of set %s: %w", name, kernelset.ErrNotFound))
			return
		}
		for _, e := range slices.SortedFunc(maps.Keys(found.members), func(a, b member) int { return cmp.Compare(a.prefix.String(), b.prefix.String()) }) {
			if !yield(kernelset.Entry{Prefix: e.prefix, NoMatch: e.noMatch, Timeout: s.m.left(found, e)}, nil) {
				return
			}
		}
	}
}

// Save implements dataplane.Sets. It leaves out the time that members have left.
func (s sets) Save(context.Context) ([]byte, error) {
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(s.m.sets)) {
		text = append(text, s.m.sets[name].declared.String()+"\n"+s.m.sets[name].lines()...)
	}
	return text, nil
}

// left is the time that a member has left, as the kernel tells it.
func (m *Machine) left(s *set, e member) time.Duration {
	switch ends := s.members[e]; {
	case !s.header.HasTimeout:
		return 0
	case ends == forever:
		return kernelset.Forever
	default:
		return ends - m.passed
	}
}
