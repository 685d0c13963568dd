package exact

import (
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// flow is one direction of a connection.
type flow struct {
	protocol   uint64
	from, to   netip.Addr
	sport      uint16 // of ICMP the number of the echo
	dport      uint16
	kind       uint8 // of ICMP
	translated netip.Addr
}

// echoID is the number of all echoes.
const echoID = 7

// flowOf is the direction of the connection to which a packet belongs in which it began. Of
// an error it is one that the packet is about.
func flowOf(p exact.Packet) flow {
	f := flow{protocol: p.Values[exact.Protocol], from: p.Source, to: p.Destination,
		sport: uint16(p.Values[exact.SourcePort]), dport: uint16(p.Values[exact.DestinationPort])}
	reply := p.Values[exact.Direction] == 1
	switch {
	case isError(p):
		// The error goes against the packet that it is about.
		f = flow{protocol: udp, from: p.Source, to: p.Destination, sport: 40000, dport: 53}
		if reply {
			f.from, f.to = f.to, f.from
		}
	case reply:
		f.from, f.to, f.sport, f.dport = f.to, f.from, f.dport, f.sport
	}
	if f.protocol == icmp || f.protocol == icmpv6 {
		f.sport, f.kind = echoID, 8
		if f.protocol == icmpv6 {
			f.kind = 128
		}
	}
	if p.Values[exact.DestinationNAT] == 1 {
		f.translated, f.to = f.to, before(p)
	}
	return f
}

// before is the address to which a packet was sent that DNAT has led elsewhere: one of the
// server, or for what that sends one of others.
func before(p exact.Packet) netip.Addr {
	if p.In == "" {
		return others[p.Family].Next()
	}
	return published[p.Family]
}

// isError reports whether a packet is an ICMP error about another.
func isError(p exact.Packet) bool {
	kind := p.Values[exact.ICMPType]
	switch p.Values[exact.Protocol] {
	case icmp:
		return kind == 3 || kind == 4 || kind == 5 || kind == 11 || kind == 12
	case icmpv6:
		return kind < 128
	}
	return false
}

// about is the packet that an error is about, as rules left it.
func about(p exact.Packet) exact.Packet {
	return exact.Packet{Family: p.Family, Source: p.Destination, Destination: p.Source, Values: innerPorts(p)}
}

func innerPorts(p exact.Packet) map[exact.Field]uint64 {
	from, to := uint64(40000), uint64(53)
	if p.Values[exact.Direction] == 0 {
		from, to = to, from
	}
	return map[exact.Field]uint64{exact.Protocol: udp, exact.SourcePort: from, exact.DestinationPort: to}
}

// Bits of nf_conntrack_common.h: IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED.
const seenReply, assured, confirmed = 1 << 1, 1 << 2, 1 << 3

// connect makes the connection that a packet belongs to.
func connect(p exact.Packet) error {
	f := flowOf(p)
	status := uint32(confirmed)
	if p.Values[exact.Replied] == 1 {
		status |= seenReply
	}
	if p.Values[exact.Assured] == 1 {
		status |= assured
	}
	back := f
	back.from, back.to, back.sport, back.dport = f.to, f.from, f.dport, f.sport
	if back.kind == 8 {
		back.kind = 0
	} else if back.kind == 128 {
		back.kind = 129
	}
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_NEW, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	family := uint8(unix.AF_INET)
	if p.Family == ruleset.V6 {
		family = unix.AF_INET6
	}
	request.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	for _, a := range []*nl.RtAttr{f.attribute(nl.CTA_TUPLE_ORIG), back.attribute(nl.CTA_TUPLE_REPLY),
		nl.NewRtAttr(nl.CTA_STATUS, nl.BEUint32Attr(status)), nl.NewRtAttr(nl.CTA_TIMEOUT, nl.BEUint32Attr(60))} {
		request.AddData(a)
	}
	if f.protocol == tcp {
		request.AddData(segments(status))
	}
	if f.translated.IsValid() {
		request.AddData(translation(f.translated))
	}
	_, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}

func nested(kind int) *nl.RtAttr { return nl.NewRtAttr(unix.NLA_F_NESTED|kind, nil) }

// attribute is a direction as ctnetlink takes it.
func (f flow) attribute(kind int) *nl.RtAttr {
	source, destination := nl.CTA_IP_V4_SRC, nl.CTA_IP_V4_DST
	if f.from.Is6() {
		source, destination = nl.CTA_IP_V6_SRC, nl.CTA_IP_V6_DST
	}
	t := nested(kind)
	ip := t.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_IP, nil)
	ip.AddRtAttr(source, f.from.AsSlice())
	ip.AddRtAttr(destination, f.to.AsSlice())
	protocol := t.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_PROTO, nil)
	protocol.AddRtAttr(nl.CTA_PROTO_NUM, []byte{uint8(f.protocol)})
	// CTA_PROTO_ICMP_ID, _TYPE, _CODE, and the same of ICMPv6.
	switch first := 4; f.protocol {
	case icmpv6:
		first = 7
		fallthrough
	case icmp:
		protocol.AddRtAttr(first, nl.BEUint16Attr(echoID))
		protocol.AddRtAttr(first+1, []byte{f.kind})
		protocol.AddRtAttr(first+2, []byte{0})
	default:
		protocol.AddRtAttr(nl.CTA_PROTO_SRC_PORT, nl.BEUint16Attr(f.sport))
		protocol.AddRtAttr(nl.CTA_PROTO_DST_PORT, nl.BEUint16Attr(f.dport))
	}
	return t
}

// segments is the state of a TCP connection: established where a reply was seen, else a
// SYN was sent. Windows can be any.
func segments(status uint32) *nl.RtAttr {
	state := byte(3) // TCP_CONNTRACK_ESTABLISHED
	if status&seenReply == 0 {
		state = 1 // TCP_CONNTRACK_SYN_SENT
	}
	const anyWindow = 0x02 | 0x08 // IP_CT_TCP_FLAG_SACK_PERM, IP_CT_TCP_FLAG_BE_LIBERAL
	info := nested(nl.CTA_PROTOINFO)
	tcp := info.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_PROTOINFO_TCP, nil)
	tcp.AddRtAttr(nl.CTA_PROTOINFO_TCP_STATE, []byte{state})
	tcp.AddRtAttr(nl.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, []byte{anyWindow, anyWindow})
	tcp.AddRtAttr(nl.CTA_PROTOINFO_TCP_FLAGS_REPLY, []byte{anyWindow, anyWindow})
	return info
}

// translation is that to another destination (CTA_NAT_DST with its lowest and highest
// address).
func translation(to netip.Addr) *nl.RtAttr {
	const natDestination = 13
	lowest, highest := 1, 2
	if to.Is6() {
		lowest, highest = 4, 5
	}
	n := nested(natDestination)
	n.AddRtAttr(lowest, to.AsSlice())
	n.AddRtAttr(highest, to.AsSlice())
	return n
}
