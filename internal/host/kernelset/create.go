package kernelset

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink/nl"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
)

// Attributes of linux/netfilter/ipset/ip_set.h that package nl does not name, or
// names as they were before.
const (
	attrBitmask    = 12
	attrInitVal    = nl.IPSET_ATTR_GC
	attrBucketSize = nl.IPSET_ATTR_PROBES
)

// Options are what a set was created with beside what Header says. Those that
// a type does not have are zero.
type Options struct {
	first, last         netip.Addr // of a bitmap's addresses
	firstPort, lastPort uint16     // of a bitmap's ports
	size                uint32     // of a list
	bitmask             netip.Addr
	markMask            uint32
	skbInfo             bool
	bucketSize          uint8
	initVal             uint32
}

// read stores an option. What it does not know it leaves.
func (o *Options) read(kind uint16, value []byte) (err error) {
	switch kind {
	case nl.IPSET_ATTR_IP_FROM:
		o.first, err = address(value)
	case nl.IPSET_ATTR_IP_TO:
		o.last, err = address(value)
	case nl.IPSET_ATTR_PORT_FROM:
		o.firstPort, err = number16(value)
	case nl.IPSET_ATTR_PORT_TO:
		o.lastPort, err = number16(value)
	case nl.IPSET_ATTR_SIZE:
		o.size, err = number32(value)
	case attrBitmask:
		o.bitmask, err = address(value)
	case nl.IPSET_ATTR_MARKMASK:
		if len(value) != 4 {
			return errMalformed
		}
		o.markMask = binary.NativeEndian.Uint32(value) // mtype_head writes this one alone so
	case attrBucketSize:
		o.bucketSize, err = number8(value)
	case attrInitVal:
		o.initVal, err = number32(value)
	}
	return err
}

// Declared returns how the set is made anew, without members. Its line is what
// `ipset save` prints, and one option more: ipset 7.17 does not print forceadd.
func (h *Header) Declared() setfile.Set {
	s := setfile.Set{Name: h.Name, Type: h.Type}
	add := func(given bool, name, format string, value ...any) {
		if given {
			s.Options = append(s.Options, setfile.Option{Name: name, Value: fmt.Sprintf(format, value...)})
		}
	}
	add(h.Options.first.IsValid(), "range", "%v-%v", h.Options.first, h.Options.last)
	add(h.Type == "bitmap:port", "range", "%d-%d", h.Options.firstPort, h.Options.lastPort)
	add(h.Options.size > 0, "size", "%d", h.Options.size)
	if strings.HasPrefix(h.Type, "hash:") {
		add(h.Family != 0, "family", "%s", familyWords[h.Family])
		add(h.Options.markMask != 0, "markmask", "0x%08x", h.Options.markMask)
		add(true, "hashsize", "%d", h.HashSize)
		add(true, "maxelem", "%d", h.MaxElem)
	}
	add(h.Netmask != 0, "netmask", "%d", h.Netmask)
	add(h.Netmask == 0 && h.Options.bitmask.IsValid(), "bitmask", "%v", h.Options.bitmask)
	add(h.HasTimeout, "timeout", "%d", int(h.Timeout.Seconds()))
	add(h.Counters, "counters", "")
	add(h.Comments, "comment", "")
	add(h.Options.skbInfo, "skbinfo", "")
	add(h.ForceAdd, "forceadd", "")
	add(h.Options.bucketSize != 0, "bucketsize", "%d", h.Options.bucketSize)
	add(h.Options.bucketSize != 0, "initval", "0x%08x", h.Options.initVal)
	return s
}

// familyWords are the families as ipset writes them.
var familyWords = map[ruleset.Family]string{ruleset.V4: "inet", ruleset.V6: "inet6"}
