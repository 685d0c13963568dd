package ruleset

// OutInterface matches the interface that a packet leaves by.
type OutInterface struct{ Name string }

// ForeignSource matches packets whose source address is none of this host's.
type ForeignSource struct{}

// NoSocket matches packets that this host sends and no socket of it does: those
// that the kernel's packet filter makes itself.
type NoSocket struct{}

// NoTrack hides the packet from conntrack: its state is StateUntracked, and no
// entry is made for it. It works in table raw only.
type NoTrack struct{}

// SynProxy answers a first SYN with a SYN-ACK whose sequence number is a
// cookie, and keeps nothing of it. An ACK that brings the cookie back makes the
// kernel send a SYN of its own to the service, through OUTPUT and by the
// loopback interface, with the client's source address. An ACK with a wrong
// cookie is dropped, and any other segment goes on to the next rule (synproxy_tg4
// in the kernel's ipt_SYNPROXY.c). It works in INPUT and FORWARD, in rules that
// match TCP.
//
// SACK and timestamps are always offered; window scaling needs timestamps,
// since the cookie has no room for it.
type SynProxy struct {
	// MSS is the maximum segment size that the client is told, in bytes.
	MSS uint16
	// WindowScale is the shift that the client is told for the windows of the
	// service; it should be what the service's stack would say itself.
	WindowScale uint8
}

// StripOption overwrites one kind of TCP option with NOPs and goes on to the
// next rule. It works in table mangle only, in rules that match TCP.
type StripOption struct{ Kind uint8 }

func (OutInterface) match()  {}
func (ForeignSource) match() {}
func (NoSocket) match()      {}

func (NoTrack) target()     {}
func (SynProxy) target()    {}
func (StripOption) target() {}
