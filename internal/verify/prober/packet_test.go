package prober

import (
	"net/netip"
	"testing"
)

var (
	client4 = netip.MustParseAddrPort("192.0.2.66:50000")
	server4 = netip.MustParseAddrPort("192.0.2.1:80")
	client6 = netip.MustParseAddrPort("[2001:db8::66]:50000")
	server6 = netip.MustParseAddrPort("[2001:db8::1]:80")
)

// The checksum over a packet with its checksum in it comes out as nothing.
func TestChecksums(t *testing.T) {
	for _, p := range []Packet{
		{From: client4, To: server4, Flags: SYN},
		{From: client4, To: server4, Flags: SYN, Maker: Nmap},
		{From: client4, To: server4, UDP: true},
		{From: client6, To: server6, Flags: FIN | PSH | URG},
		{From: client6, To: server6, UDP: true},
	} {
		b := p.bytes()
		parsed, ok := parseIP(b)
		if !ok {
			t.Fatalf("%+v is no IP packet: %x", p, b)
		}
		if server4.Addr() == p.To.Addr() && checksum(b[:20], 0) != 0 {
			t.Errorf("%+v: the checksum of the IPv4 header is wrong: %x", p, b)
		}
		if got := checksum(parsed.payload, p.pseudo(parsed.protocol, len(parsed.payload))); got != 0 {
			t.Errorf("%+v: the checksum is off by %x: %x", p, got, b)
		}
	}
}

// A raw scanner's SYN and a customer's differ in the window and the options.
func TestSYNs(t *testing.T) {
	plain, _ := parseIP(Packet{From: client4, To: server4, Flags: SYN}.bytes())
	bare, _ := parseIP(Packet{From: client4, To: server4, Flags: SYN, Maker: Nmap}.bytes())
	if len(plain.payload) != 40 || len(bare.payload) != 24 {
		t.Errorf("headers of %d and %d bytes, want 40 and 24", len(plain.payload), len(bare.payload))
	}
	if flag := func(m Maker) byte { return Packet{From: client4, To: server4, Flags: SYN, Maker: m}.bytes()[6] }; flag(Linux) != 0x40 || flag(Nmap) != 0 || flag(ZMapBSD) != 0 {
		t.Error("\"don't fragment\" must be in a customer's packet, and in no scanner's")
	}
	window := func(p ipPacket) int { return int(p.payload[14])<<8 | int(p.payload[15]) }
	if window(plain) != 64240 || window(bare) != 1024 {
		t.Errorf("windows of %d and %d, want 64240 and 1024", window(plain), window(bare))
	}
}

func TestParseAnswer(t *testing.T) {
	tests := []struct {
		name  string
		reply Packet
		want  State
		ok    bool
	}{
		{"SYN+ACK", Packet{From: server4, To: client4, Flags: SYN | ACK}, Open, true},
		{"RST", Packet{From: server4, To: client4, Flags: RST}, Closed, true},
		{"RST+ACK over IPv6", Packet{From: server6, To: client6, Flags: RST | ACK}, Closed, true},
		{"a datagram", Packet{From: server6, To: client6, UDP: true}, Open, true},
		{"an ACK is not an answer", Packet{From: server4, To: client4, Flags: ACK}, Closed, false},
	}
	for _, test := range tests {
		a, ok := parseAnswer(test.reply.bytes())
		if ok != test.ok || ok && (a.state != test.want || a.port != test.reply.From || a.to != test.reply.To) {
			t.Errorf("%s: %+v, %t", test.name, a, ok)
		}
	}
}

// An ICMP error quotes the probe that it is about.
func TestParseUnreachable(t *testing.T) {
	probe := Packet{From: client4, To: server4, UDP: true}
	quoted := append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, probe.bytes()...)
	b := append(Packet{From: server4, To: client4}.header(icmp, len(quoted)), quoted...)
	a, ok := parseAnswer(b)
	if !ok || a.state != Closed || a.port != server4 || a.to != client4 {
		t.Errorf("%+v, %t", a, ok)
	}
}

// Anybody can send these bytes: none may do more than not be an answer.
func FuzzParseAnswer(f *testing.F) {
	f.Add(Packet{From: server4, To: client4, Flags: SYN | ACK}.bytes())
	f.Add(Packet{From: server6, To: client6, UDP: true}.bytes())
	f.Add([]byte{0x4f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := parseAnswer(b); ok && !a.port.IsValid() {
			t.Errorf("%x is an answer without a sender: %+v", b, a)
		}
	})
}

// A sweep notes answers to its own packets only, and the strongest of several.
func TestNote(t *testing.T) {
	s := Sweep{To: server4.Addr(), Packet: func(to netip.AddrPort) Packet { return Packet{From: client4, To: to} }}
	var states [1 << 16]State
	unlisted := netip.MustParseAddrPort("192.0.2.77:50000")
	for _, step := range []struct {
		name  string
		reply Packet
		want  State
	}{
		{"an answer to somebody else", Packet{From: server4, To: unlisted, Flags: SYN | ACK}, Silent},
		{"an answer from somebody else", Packet{From: netip.AddrPortFrom(unlisted.Addr(), 80), To: client4, Flags: SYN | ACK}, Silent},
		{"a reset", Packet{From: server4, To: client4, Flags: RST}, Closed},
		{"SYN and ACK", Packet{From: server4, To: client4, Flags: SYN | ACK}, Open},
		{"a reset after that", Packet{From: server4, To: client4, Flags: RST}, Open},
	} {
		s.note(step.reply.bytes(), &states)
		if states[80] != step.want {
			t.Errorf("after %s, port 80 is %v, want %v", step.name, states[80], step.want)
		}
	}
}
