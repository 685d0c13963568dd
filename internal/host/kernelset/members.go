package kernelset

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// errStopped ends a dump that the caller wants no more of.
var errStopped = errors.New("stopped by the caller")

// Members yields the members of a hash:ip or hash:net set as the kernel hands
// them out, in no order, some hundreds at a time: a million pass in constant
// memory. An error is the last thing that it yields, with a zero Entry; a
// missing set is ErrNotFound.
//
// Members that come or go during the loop may be seen or not. Until the loop
// ends the set cannot be destroyed.
func Members(name string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := eachMember(name, func(e Entry) bool { return yield(e, nil) })
		if err != nil && !errors.Is(err, errStopped) {
			yield(Entry{}, fmt.Errorf("cannot read the members of set %s: %w", name, err))
		}
	}
}

// eachMember calls f for each member until f returns false, which is the error
// errStopped.
func eachMember(name string, f func(Entry) bool) error {
	if err := checkName(name); err != nil {
		return err
	}
	s, err := openSocket()
	if err != nil {
		return err
	}
	defer s.Close()
	var h Header
	return s.ask(nl.IPSET_CMD_LIST, unix.NLM_F_DUMP, newMessage(name), func(body []byte) error {
		return h.read(body, func(text []byte) error {
			e, err := h.entry(text)
			if err == nil && !f(e) {
				err = errStopped
			}
			return err
		})
	})
}

// entry reads a member of the set.
func (h *Header) entry(text []byte) (e Entry, err error) {
	if err := h.holdsPrefixes(); err != nil {
		return Entry{}, err
	}
	var addr netip.Addr
	bits := uint8(h.hostBits())
	err = attributes(text, func(kind uint16, value []byte) (err error) {
		switch kind {
		case nl.IPSET_ATTR_IP:
			addr, err = address(value)
		case nl.IPSET_ATTR_CIDR:
			bits, err = number8(value)
		case nl.IPSET_ATTR_TIMEOUT:
			if e.Timeout, err = seconds(value); e.Timeout == 0 {
				e.Timeout = Forever
			}
		case nl.IPSET_ATTR_PACKETS:
			e.Packets, err = number64(value)
		case nl.IPSET_ATTR_BYTES:
			e.Bytes, err = number64(value)
		case nl.IPSET_ATTR_CADT_FLAGS:
			var flags uint32
			flags, err = number32(value)
			e.NoMatch = flags&nl.IPSET_FLAG_NOMATCH != 0
		}
		return err
	})
	e.Prefix = netip.PrefixFrom(addr, int(bits))
	if err == nil && !e.Prefix.IsValid() {
		err = errMalformed
	}
	return e, err
}

// holdsPrefixes returns an error for a set whose members are not prefixes.
func (h *Header) holdsPrefixes() error {
	if h.Type == HashIP || h.Type == HashNet {
		return nil
	}
	return fmt.Errorf("its members are of type %s: only those of %s and %s can be read and changed", h.Type, HashIP, HashNet)
}

// hostBits is the length of the prefix that a member without a length means.
func (h *Header) hostBits() int {
	if h.Netmask != 0 {
		return int(h.Netmask)
	}
	return h.Family.Bits()
}
