// Package prober sends crafted packets to a host and notes what comes back: a
// port scanner with no opinion, for machines without nmap and for what nmap is
// too slow or too polite to do. It knows SYNs that look like a scanner's or a
// customer's, every other set of TCP flags, and UDP, over IPv4 and IPv6, from
// any source address.
//
// It works on an AF_PACKET socket, below the firewall and the TCP of its own
// host: that host neither sees the answers nor resets what they would open.
package prober

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Prober sends from one network interface to one neighbour. It is for one
// goroutine.
type Prober struct {
	socket  int
	link    int
	gateway net.HardwareAddr
}

// New opens a prober in the network namespace of the calling thread, on the
// interface called link. Packets go to the neighbour with the hardware address
// gateway. It needs CAP_NET_RAW. The caller closes the prober.
func New(link string, gateway net.HardwareAddr) (*Prober, error) {
	card, err := net.InterfaceByName(link)
	if err != nil {
		return nil, fmt.Errorf("prober: %w", err)
	}
	everything := int(bigEndian(unix.ETH_P_ALL))
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, everything)
	if err != nil {
		return nil, fmt.Errorf("prober: packet socket: %w", err)
	}
	p := &Prober{socket, card.Index, gateway}
	if err := p.prepare(); err != nil {
		p.Close()
		return nil, fmt.Errorf("prober: packet socket: %w", err)
	}
	return p, nil
}

// tick is how long a read waits before it looks whether it is still wanted.
const tick = 20 * time.Millisecond

func (p *Prober) prepare() error {
	err := unix.Bind(p.socket, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: p.link})
	if err != nil {
		return err
	}
	// Room for an answer to every one of 65,536 probes.
	if err := unix.SetsockoptInt(p.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 128<<20); err != nil {
		return err
	}
	wait := unix.NsecToTimeval(tick.Nanoseconds())
	return unix.SetsockoptTimeval(p.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
}

// Close closes the socket.
func (p *Prober) Close() error { return unix.Close(p.socket) }

// Send sends one packet and waits for nothing.
func (p *Prober) Send(packet Packet) error {
	to := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IP), Ifindex: p.link, Halen: 6}
	if packet.To.Addr().Is6() {
		to.Protocol = bigEndian(unix.ETH_P_IPV6)
	}
	copy(to.Addr[:], p.gateway)
	for _, piece := range packet.pieces() {
		if err := p.send(piece, to); err != nil {
			return err
		}
	}
	return nil
}

func (p *Prober) send(b []byte, to unix.Sockaddr) error {
	for {
		err := unix.Sendto(p.socket, b, 0, to)
		if errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EINTR) {
			time.Sleep(time.Millisecond)
			continue
		}
		return err
	}
}

// SendAll sends packets one after the other, no faster than all keep up, and
// waits for nothing. It ends early, with the error of ctx, when ctx does.
func (p *Prober) SendAll(ctx context.Context, packets iter.Seq[Packet]) error {
	number := 0
	for packet := range packets {
		if number++; number%batch == 0 {
			lab.Drain()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.Send(packet); err != nil {
			return fmt.Errorf("prober: send to port %d: %w", packet.To.Port(), err)
		}
	}
	return nil
}

func bigEndian(n uint16) uint16 { return n<<8 | n>>8 }

// Sweep is one packet to each of many ports.
type Sweep struct {
	To    netip.Addr
	Ports []uint16
	// Packet makes the packet to a port, the same each time.
	Packet func(to netip.AddrPort) Packet
	// Rounds is how often a port that gave no answer is asked; 0 means once.
	Rounds int
	// Wait is for answers after the last packet of a round.
	Wait time.Duration
	// Pace is the time between two packets; 0 sends as fast as all keep up.
	Pace time.Duration
	// Decoys are addresses in whose names each packet is sent as well, so that
	// the target cannot tell who is asking.
	Decoys []netip.Addr
}

// batch is how many packets are sent before the kernel is given time to take in
// what waits in its queues, which drop what is more than 1,000.
const batch = 128

// Do sends the packets of a sweep and returns the state of every port; those
// that were not asked are Silent. It ends early, with the error of ctx, when
// ctx does.
func (p *Prober) Do(ctx context.Context, s Sweep) (*[1 << 16]State, error) {
	states := &[1 << 16]State{}
	p.drain()
	for range max(1, s.Rounds) {
		sent := make(chan error, 1)
		silent := s.silent(states)
		go func() { sent <- p.sendAll(ctx, s, silent) }()
		if err := p.collect(s, states, sent); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// silent returns the ports that have given no answer.
func (s Sweep) silent(states *[1 << 16]State) []uint16 {
	var ports []uint16
	for _, port := range s.Ports {
		if states[port] == Silent {
			ports = append(ports, port)
		}
	}
	return ports
}

func (p *Prober) sendAll(ctx context.Context, s Sweep, ports []uint16) error {
	for i, port := range ports {
		s.pause(i)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.sendNamed(s.Packet(netip.AddrPortFrom(s.To, port)), s.Decoys); err != nil {
			return fmt.Errorf("prober: send to port %d: %w", port, err)
		}
	}
	return nil
}

// pause waits before the packet with a number.
func (s Sweep) pause(number int) {
	switch {
	case s.Pace > 0 && number > 0:
		time.Sleep(s.Pace)
	case number%batch == batch-1:
		lab.Drain()
	}
}

// sendNamed sends a packet in the names of the decoys and then in its own.
func (p *Prober) sendNamed(packet Packet, decoys []netip.Addr) error {
	own := packet.From
	for _, decoy := range decoys {
		packet.From = netip.AddrPortFrom(decoy, own.Port())
		if err := p.Send(packet); err != nil {
			return err
		}
	}
	packet.From = own
	return p.Send(packet)
}

// mostOthers is how long packets are read that go on coming when the wait is over.
// In that time also a busy machine reads what had come in by then.
const mostOthers = 10 * time.Second

// collect reads answers until all is sent and the wait is over.
func (p *Prober) collect(s Sweep, states *[1 << 16]State, sent <-chan error) error {
	var until time.Time
	buffer := make([]byte, 2048)
	for {
		select {
		case err := <-sent:
			if err != nil {
				return err
			}
			until = time.Now().Add(s.Wait)
		default:
		}
		b := p.read(buffer)
		if b != nil {
			s.note(b, states)
		}
		// What has come in is read to its end, but other traffic does not hold it up.
		if late := time.Since(until); !until.IsZero() && (late > mostOthers || b == nil && late > 0) {
			return nil
		}
	}
}

// note records an answer, if it is one to this sweep. The strongest counts.
func (s Sweep) note(b []byte, states *[1 << 16]State) {
	a, ok := parseAnswer(b)
	if !ok || a.port.Addr() != s.To || a.to != s.Packet(a.port).From {
		return
	}
	states[a.port.Port()] = max(states[a.port.Port()], a.state)
}

// read returns the next packet that came in, or nil when none did for a tick.
func (p *Prober) read(buffer []byte) []byte {
	n, from, err := unix.Recvfrom(p.socket, buffer, 0)
	if err != nil {
		return nil
	}
	if link, ok := from.(*unix.SockaddrLinklayer); ok && link.Pkttype == unix.PACKET_OUTGOING {
		return buffer[:0]
	}
	return buffer[:n]
}

// drain throws away what came before.
func (p *Prober) drain() {
	buffer := make([]byte, 2048)
	for {
		if _, _, err := unix.Recvfrom(p.socket, buffer, unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}
