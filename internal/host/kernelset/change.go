package kernelset

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
)

// maxBatch is the most bytes of entries in one message, some 1,800 of IPv4. The
// length of an attribute has 16 bits, and the copy of the message that comes
// with an error must fit, with its headers, in the 64 KiB that package nl reads
// at once (RECEIVE_BUFFER_SIZE).
const maxBatch = 60_000

// maxEntry is more bytes than one entry takes in a message.
const maxEntry = 112

// Add adds prefixes to a hash:ip or hash:net set, with the set's own timeout.
// What is there already stays, its timeout renewed.
//
// An entry that the set refuses ends the work with an *EntryError, ErrFull in
// it if there is no more room; those before it have been added. A missing set
// is ErrNotFound. A hash:ip set takes only prefixes at least as long as its
// netmask, so that no /8 becomes 16 million addresses.
func Add(name string, prefixes []netip.Prefix) error {
	return change(nl.IPSET_CMD_ADD, name, len(prefixes), func(i int) Entry { return Entry{Prefix: prefixes[i]} })
}

// AddEntries is Add with a timeout, NoMatch and what it has counted for each entry.
// A timeout is rounded up to whole seconds.
func AddEntries(name string, entries []Entry) error {
	return change(nl.IPSET_CMD_ADD, name, len(entries), func(i int) Entry { return entries[i] })
}

// Delete takes prefixes out of a hash:ip or hash:net set. What is not in it is
// no error: it may have expired. Only an entry that is equal goes, not those
// that a prefix covers. Errors are as in Add.
func Delete(name string, prefixes []netip.Prefix) error {
	return change(nl.IPSET_CMD_DEL, name, len(prefixes), func(i int) Entry { return Entry{Prefix: prefixes[i]} })
}

// change sends count entries in as few messages as they fit in.
func change(command int, name string, count int, entry func(i int) Entry) error {
	h, err := Lookup(name)
	if err != nil {
		return err
	}
	if err := h.holdsPrefixes(); err != nil {
		return fmt.Errorf("cannot change set %s: %w", name, err)
	}
	s, err := openSocket()
	if err != nil {
		return err
	}
	defer s.Close()
	for first := 0; first < count; {
		batch, next, err := h.batch(first, count, entry)
		if err != nil {
			return err
		}
		// Without NLM_F_EXCL an entry that is there, or is not, is not an error.
		if err := s.ask(command, 0, batch, func([]byte) error { return nil }); err != nil {
			return h.refused(err, entry)
		}
		first = next
	}
	return nil
}

// batch makes a message of the entries from first on, and returns the index of
// the first that did not fit.
func (h *Header) batch(first, count int, entry func(i int) Entry) (m message, next int, err error) {
	m = append(make(message, 0, maxBatch+maxEntry), newMessage(h.Name)...)
	m = m.line(0) // where the kernel writes that of the entry at fault
	m, list := m.open(nl.IPSET_ATTR_ADT)
	for next = first; next < count && len(m) < maxBatch; next++ {
		e := entry(next)
		if err := h.takes(e); err != nil {
			return nil, 0, &EntryError{h.Name, e.Prefix, err}
		}
		m = h.member(m, e, next)
	}
	m.close(list)
	return m, next, nil
}

// takes returns an error for an entry that the kernel would refuse, or take for
// something else.
func (h *Header) takes(e Entry) error {
	switch {
	case !e.Prefix.IsValid():
		return errors.New("not a prefix")
	case !h.Family.Has(e.Prefix.Addr()):
		return fmt.Errorf("the set holds IPv%d", h.Family)
	case h.Type == HashIP && e.Prefix.Bits() < h.hostBits():
		return fmt.Errorf("the set holds /%d", h.hostBits())
	case e.NoMatch && h.Type != HashNet:
		return fmt.Errorf("only a set of type %s has exceptions", HashNet)
	}
	return nil
}

// member appends an entry, its index as its line. A hash:ip set is given the
// address alone: for IPv6 the kernel refuses a length there.
func (h *Header) member(m message, e Entry, index int) message {
	m, start := m.open(nl.IPSET_ATTR_DATA)
	m = m.address(e.Prefix.Addr())
	if h.Type == HashNet {
		m = m.attribute(nl.IPSET_ATTR_CIDR, byte(e.Prefix.Bits()))
	}
	if e.Timeout != 0 {
		m = m.number(nl.IPSET_ATTR_TIMEOUT, wholeSeconds(e.Timeout))
	}
	if h.Counters && e.Packets > 0 {
		m = m.long(nl.IPSET_ATTR_PACKETS, e.Packets).long(nl.IPSET_ATTR_BYTES, e.Bytes)
	}
	if e.NoMatch {
		m = m.number(nl.IPSET_ATTR_CADT_FLAGS, nl.IPSET_FLAG_NOMATCH)
	}
	m = m.line(uint32(index) + 1)
	m.close(start)
	return m
}

// wholeSeconds rounds up, so that a short timeout does not become 0, which is
// for ever. The kernel itself cuts what is longer than it can count.
func wholeSeconds(d time.Duration) uint32 {
	if d < 0 {
		return 0
	}
	return uint32(min((d-1)/time.Second+1, math.MaxUint32))
}

// refused names the entry of which the kernel has given the line.
func (h *Header) refused(err error, entry func(i int) Entry) error {
	var r *refusalError
	if errors.As(err, &r) && r.line > 0 {
		return &EntryError{h.Name, entry(int(r.line) - 1).Prefix, reason(r.errno)}
	}
	return fmt.Errorf("cannot change set %s: %w", h.Name, err)
}
