package kernelset

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// message is the body of a netlink message under construction: attributes, each
// a length and a type of 16 bits and a value, padded to four bytes.
type message []byte

// newMessage begins a message about the set, or about all sets if name is "".
func newMessage(name string) message {
	m := message{unix.AF_INET, unix.NFNETLINK_V0, 0, 0} // struct nfgenmsg
	m = m.attribute(nl.IPSET_ATTR_PROTOCOL, nl.IPSET_PROTOCOL)
	if name != "" {
		m = m.attribute(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)...)
	}
	return m
}

// open begins a nested attribute; close must be given what it returned.
func (m message) open(kind uint16) (message, int) {
	return m.attribute(kind | unix.NLA_F_NESTED), len(m)
}

// close ends the nested attribute that began at start.
func (m message) close(start int) {
	binary.NativeEndian.PutUint16(m[start:], uint16(len(m)-start))
}

// attribute appends one attribute.
func (m message) attribute(kind uint16, value ...byte) message {
	m = binary.NativeEndian.AppendUint16(m, uint16(unix.SizeofNlAttr+len(value)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = append(m, value...)
	for len(m)%unix.NLA_ALIGNTO != 0 {
		m = append(m, 0)
	}
	return m
}

// number appends a number of 32 bits in network order.
func (m message) number(kind uint16, n uint32) message {
	return m.attribute(kind|unix.NLA_F_NET_BYTEORDER, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// long appends a number of 64 bits in network order.
func (m message) long(kind uint16, n uint64) message {
	return m.attribute(kind|unix.NLA_F_NET_BYTEORDER, binary.BigEndian.AppendUint64(nil, n)...)
}

// line appends a line number. The kernel hands it back as it came.
func (m message) line(n uint32) message {
	return m.attribute(nl.IPSET_ATTR_LINENO, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// address appends an IPv4 or IPv6 address.
func (m message) address(a netip.Addr) message {
	m, start := m.open(nl.IPSET_ATTR_IP)
	if a.Is4() {
		b := a.As4()
		m = m.attribute(nl.IPSET_ATTR_IPADDR_IPV4|unix.NLA_F_NET_BYTEORDER, b[:]...)
	} else {
		b := a.As16()
		m = m.attribute(nl.IPSET_ATTR_IPADDR_IPV6|unix.NLA_F_NET_BYTEORDER, b[:]...)
	}
	m.close(start)
	return m
}

// errMalformed says that a message is not what this package expects of the
// kernel. It has not been seen.
var errMalformed = errors.New("the kernel's answer cannot be read: an attribute is cut off or has another length")

// attributes calls f for each attribute in text, with the flags taken off its
// type, until f returns an error.
func attributes(text []byte, f func(kind uint16, value []byte) error) error {
	for len(text) >= unix.SizeofNlAttr {
		length := int(binary.NativeEndian.Uint16(text))
		if length < unix.SizeofNlAttr || length > len(text) {
			return errMalformed
		}
		kind := binary.NativeEndian.Uint16(text[2:]) & nl.NLA_TYPE_MASK
		if err := f(kind, text[unix.SizeofNlAttr:length]); err != nil {
			return err
		}
		text = text[min(len(text), (length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
	return nil
}

// number32 reads a number in network order, in which ipset writes all of them.
func number32(value []byte) (uint32, error) {
	if len(value) != 4 {
		return 0, errMalformed
	}
	return binary.BigEndian.Uint32(value), nil
}

// number64 reads a number in network order.
func number64(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, errMalformed
	}
	return binary.BigEndian.Uint64(value), nil
}

// number16 reads a number in network order.
func number16(value []byte) (uint16, error) {
	if len(value) != 2 {
		return 0, errMalformed
	}
	return binary.BigEndian.Uint16(value), nil
}

// number8 reads a number of one byte.
func number8(value []byte) (uint8, error) {
	if len(value) != 1 {
		return 0, errMalformed
	}
	return value[0], nil
}

// address reads a nested address of either family.
func address(value []byte) (a netip.Addr, err error) {
	err = attributes(value, func(_ uint16, value []byte) error {
		var ok bool
		if a, ok = netip.AddrFromSlice(value); !ok {
			return errMalformed
		}
		return nil
	})
	if err == nil && !a.IsValid() {
		err = errMalformed
	}
	return a, err
}
