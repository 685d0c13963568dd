// Package conntrack tells the kernel's connection tracking of TCP connections
// that began before it looked. From then on their packets are of an open
// connection, like those of any other; other packets are not.
package conntrack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/netfilter"
	"github.com/hardenctl/hardenctl/internal/host/probe"
)

// ErrFull says that the table has no room: nf_conntrack_max is reached.
var ErrFull = errors.New("conntrack's table is full")

// What the kernel's nf_conntrack_common.h says of a connection of which packets
// went both ways: IPS_SEEN_REPLY, IPS_ASSURED and IPS_CONFIRMED.
const bothWays = 1<<1 | 1<<2 | 1<<3

// What nf_conntrack_tcp.h says of a connection whose window is not known: both
// ends may send SACKs and whatever window they like. The kernel says the same of
// one that it picks up in the middle (tcp_new).
const anyWindow = 0x02 | 0x08 // IP_CT_TCP_FLAG_SACK_PERM, IP_CT_TCP_FLAG_BE_LIBERAL

// state is what conntrack calls the state of a socket: its number in
// nf_conntrack_tcp.h, and the setting that says how long an entry stays.
type state struct {
	number  uint8
	timeout string
}

// states are those in which a connection goes on. One that is being made, of
// which the sender may be forged, is none of them.
var states = map[probe.State]state{
	probe.Established: {3, "established"},
	probe.FinWait1:    {4, "fin_wait"},
	probe.FinWait2:    {4, "fin_wait"},
	probe.CloseWait:   {5, "close_wait"},
	probe.LastAck:     {6, "last_ack"},
	probe.Closing:     {6, "last_ack"},
}

// Note tells conntrack, in the calling thread's network namespace, of open
// connections, and returns how many it knows then. It does not need a rule that
// asks conntrack. A connection that conntrack knows stays as it is, but for one
// thing: it has been seen both ways. The error is ErrFull if there is no room.
//
// It takes 10 µs a connection.
func Note(ctx context.Context, open []probe.Connection) (known int, err error) {
	if len(open) == 0 {
		return 0, nil
	}
	socket, err := netfilter.Open("conntrack")
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	n := noter{sockets: map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: {Socket: socket}}, seconds: map[string]uint32{}}
	for _, c := range open {
		if err := ctx.Err(); err != nil {
			return known, err
		}
		switch err := n.note(c); {
		case errors.Is(err, unix.ENOMEM):
			return known, ErrFull
		case errors.Is(err, unix.EINVAL): // nfnetlink's word for a subsystem that it does not have
			return known, fmt.Errorf("cannot add conntrack entries: this kernel needs the module nf_conntrack_netlink (CONFIG_NF_CT_NETLINK): %w", err)
		case errors.Is(err, unix.EAGAIN):
			return known, fmt.Errorf("no answer from the kernel's conntrack: %w", err)
		case err != nil:
			return known, fmt.Errorf("connection %s to %s: %w", c.Far, c.Near, err)
		}
		known++
	}
	return known, nil
}

// noter is a socket, and the timeouts read so far.
type noter struct {
	sockets map[int]*nl.SocketHandle
	seconds map[string]uint32
}

func (n noter) note(c probe.Connection) error {
	s, goesOn := states[c.State]
	if !goesOn {
		return nil
	}
	from, to := c.Near, c.Far
	if c.Inbound {
		from, to = to, from
	}
	status := nl.NewRtAttr(nl.CTA_STATUS, nl.BEUint32Attr(bothWays))
	orig := tuple(nl.CTA_TUPLE_ORIG, from, to)
	err := n.ask(from.Addr(), unix.NLM_F_CREATE|unix.NLM_F_EXCL, orig, tuple(nl.CTA_TUPLE_REPLY, to, from), status,
		nl.NewRtAttr(nl.CTA_TIMEOUT, nl.BEUint32Attr(n.timeout(s))), window(s))
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	// Conntrack may just have picked it up by a packet that needs no answer. EBUSY:
	// it knows it as one that another has announced (IPS_EXPECTED).
	if err = n.ask(from.Addr(), 0, orig, status); errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// ask sends one IPCTNL_MSG_CT_NEW, and returns the kernel's answer.
func (n noter) ask(of netip.Addr, flags int, attributes ...*nl.RtAttr) error {
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_NEW, unix.NLM_F_ACK|flags)
	request.Sockets = n.sockets
	request.AddData(&nl.Nfgenmsg{NfgenFamily: family(of), Version: nl.NFNETLINK_V0})
	for _, a := range attributes {
		request.AddData(a)
	}
	_, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}

func family(a netip.Addr) uint8 {
	if a.Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// tuple is one direction of a connection.
func tuple(kind int, from, to netip.AddrPort) *nl.RtAttr {
	source, destination := nl.CTA_IP_V4_SRC, nl.CTA_IP_V4_DST
	if from.Addr().Is6() {
		source, destination = nl.CTA_IP_V6_SRC, nl.CTA_IP_V6_DST
	}
	t := nested(kind)
	ip := t.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_IP, nil)
	ip.AddRtAttr(source, from.Addr().AsSlice())
	ip.AddRtAttr(destination, to.Addr().AsSlice())
	protocol := t.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_PROTO, nil)
	protocol.AddRtAttr(nl.CTA_PROTO_NUM, []byte{unix.IPPROTO_TCP})
	protocol.AddRtAttr(nl.CTA_PROTO_SRC_PORT, nl.BEUint16Attr(from.Port()))
	protocol.AddRtAttr(nl.CTA_PROTO_DST_PORT, nl.BEUint16Attr(to.Port()))
	return t
}

// window is what conntrack believes of both ends: flags and the mask of those
// that count (struct nf_ct_tcp_flags).
func window(s state) *nl.RtAttr {
	info := nested(nl.CTA_PROTOINFO)
	tcp := info.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_PROTOINFO_TCP, nil)
	tcp.AddRtAttr(nl.CTA_PROTOINFO_TCP_STATE, []byte{s.number})
	tcp.AddRtAttr(nl.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, []byte{anyWindow, anyWindow})
	tcp.AddRtAttr(nl.CTA_PROTOINFO_TCP_FLAGS_REPLY, []byte{anyWindow, anyWindow})
	return info
}

func nested(kind int) *nl.RtAttr { return nl.NewRtAttr(unix.NLA_F_NESTED|kind, nil) }

// timeout is how long conntrack keeps a connection in this state, in seconds: as
// its settings say, or five minutes. The next packet begins it anew.
func (n noter) timeout(s state) uint32 {
	if _, read := n.seconds[s.timeout]; !read {
		n.seconds[s.timeout] = 300
		text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_" + s.timeout)
		if value, failed := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err == nil && failed == nil {
			n.seconds[s.timeout] = uint32(value)
		}
	}
	return n.seconds[s.timeout]
}
