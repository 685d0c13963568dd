package kernelset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// headerOnly is IPSET_FLAG_LIST_HEADER of linux/netfilter/ipset/ip_set.h:
// members are left out of a dump.
const headerOnly = 1 << 2

// List returns the headers of all sets, sorted by name. It costs the same
// however many members they have, but for sets with timeouts, which the kernel
// walks to count them.
func List() ([]Header, error) {
	headers, err := list("")
	if err != nil {
		return nil, fmt.Errorf("cannot list sets: %w", err)
	}
	slices.SortFunc(headers, func(a, b Header) int { return cmp.Compare(a.Name, b.Name) })
	return headers, nil
}

// Lookup returns the header of one set. A missing set is ErrNotFound.
func Lookup(name string) (Header, error) {
	if err := checkName(name); err != nil {
		return Header{}, err
	}
	headers, err := list(name)
	if err == nil && len(headers) != 1 {
		err = errMalformed
	}
	if err != nil {
		return Header{}, fmt.Errorf("cannot look up set %s: %w", name, err)
	}
	return headers[0], nil
}

// Exists reports whether there is a set of that name.
func Exists(name string) (bool, error) {
	_, err := Lookup(name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// checkName refuses what the kernel would take for something else: an empty
// name for all sets, a longer one than 31 bytes for a protocol error, and a NUL
// for the end of the name.
func checkName(name string) error {
	if name == "" || len(name) >= nl.IPSET_MAXNAMELEN || strings.IndexByte(name, 0) >= 0 {
		return fmt.Errorf("%q is not the name of a set: 1 to %d bytes", name, nl.IPSET_MAXNAMELEN-1)
	}
	return nil
}

func list(name string) ([]Header, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var headers []Header
	body := newMessage(name).number(nl.IPSET_ATTR_FLAGS, headerOnly)
	err = s.ask(nl.IPSET_CMD_LIST, unix.NLM_F_DUMP, body, func(body []byte) error {
		var h Header
		err := h.read(body, nil)
		headers = append(headers, h)
		return err
	})
	return headers, err
}

// read takes one message of a dump. The first message about a set carries its
// header, which it stores in h; each carries members, of which member gets
// every one's attributes. member may be nil.
func (h *Header) read(body []byte, member func(text []byte) error) error {
	return attributes(body, func(kind uint16, value []byte) (err error) {
		switch kind {
		case nl.IPSET_ATTR_SETNAME:
			h.Name = unix.ByteSliceToString(value)
		case nl.IPSET_ATTR_TYPENAME:
			h.Type = unix.ByteSliceToString(value)
		case nl.IPSET_ATTR_REVISION:
			h.Revision, err = number8(value)
		case nl.IPSET_ATTR_FAMILY:
			h.Family, err = family(value)
		case nl.IPSET_ATTR_DATA:
			err = attributes(value, h.option)
		case nl.IPSET_ATTR_ADT:
			err = members(value, member)
		}
		return err
	})
}

// members calls member for each of the members in value.
func members(value []byte, member func(text []byte) error) error {
	if member == nil {
		return nil
	}
	return attributes(value, func(kind uint16, text []byte) error {
		if kind != nl.IPSET_ATTR_DATA {
			return nil
		}
		return member(text)
	})
}

// family reads an address family; types without one have NFPROTO_UNSPEC.
func family(value []byte) (ruleset.Family, error) {
	n, err := number8(value)
	switch n {
	case unix.AF_INET:
		return ruleset.V4, err
	case unix.AF_INET6:
		return ruleset.V6, err
	}
	return 0, err
}

// option stores one of the settings with which a set was created, or one of
// its counts. What it does not know it leaves: newer kernels tell more.
func (h *Header) option(kind uint16, value []byte) (err error) {
	switch kind {
	case nl.IPSET_ATTR_HASHSIZE:
		h.HashSize, err = number32(value)
	case nl.IPSET_ATTR_MAXELEM:
		h.MaxElem, err = number32(value)
	case nl.IPSET_ATTR_NETMASK:
		h.Netmask, err = number8(value)
	case nl.IPSET_ATTR_TIMEOUT:
		h.HasTimeout = true
		h.Timeout, err = seconds(value)
	case nl.IPSET_ATTR_CADT_FLAGS:
		err = h.flags(value)
	case nl.IPSET_ATTR_REFERENCES:
		h.References, err = number32(value)
	case nl.IPSET_ATTR_ELEMENTS:
		h.Entries, err = number32(value)
	case nl.IPSET_ATTR_MEMSIZE:
		h.Memory, err = number32(value)
	default:
		err = h.Options.read(kind, value)
	}
	return err
}

func (h *Header) flags(value []byte) error {
	flags, err := number32(value)
	h.ForceAdd = flags&nl.IPSET_FLAG_WITH_FORCEADD != 0
	h.Counters = flags&nl.IPSET_FLAG_WITH_COUNTERS != 0
	h.Comments = flags&nl.IPSET_FLAG_WITH_COMMENT != 0
	h.Options.skbInfo = flags&nl.IPSET_FLAG_WITH_SKBINFO != 0
	return err
}

func seconds(value []byte) (time.Duration, error) {
	n, err := number32(value)
	return time.Duration(n) * time.Second, err
}
