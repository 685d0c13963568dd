package prober

// Maker is a system or a scanner whose packets are imitated.
type Maker int

// The makers. All but Linux leave out "don't fragment", which the IPv4 packets of
// a system have.
const (
	// Linux is Linux 6: nothing tells its SYN from a customer's.
	Linux Maker = iota
	// Nmap is nmap 7.93 (tcpip.cc): a window of 1024 and no option but the
	// segment size.
	Nmap
	// Masscan is masscan 1.3 (templ-pkt.c).
	Masscan
	// ZMap is ZMap 2.1 (packet.c): no option.
	ZMap
	// ZMapWindows, ZMapLinux and ZMapBSD are ZMap 4.3 with --probe-args windows,
	// which is its default, linux and bsd (module_tcp_synscan.c).
	ZMapWindows
	ZMapLinux
	ZMapBSD
)

// syns are the windows and options of their SYNs: maximum segment size 1460 (2),
// window scale (3), SACK permitted (4), timestamps (8); 1 pads, 0 ends.
var syns = [...]struct {
	window  uint16
	options []byte
}{
	Linux:       {64240, []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0x3a, 0x5c, 0x21, 0x09, 0, 0, 0, 0, 1, 3, 3, 7}},
	Nmap:        {1024, []byte{2, 4, 5, 0xb4}},
	Masscan:     {1025, []byte{2, 4, 5, 0xb4}},
	ZMap:        {65535, nil},
	ZMapWindows: {65535, []byte{2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
	ZMapLinux:   {65535, []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0x3a, 0x5c, 0x21, 0x09, 0, 0, 0, 0, 1, 3, 3, 7}},
	ZMapBSD:     {65535, []byte{2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0x3a, 0x5c, 0x21, 0x09, 0, 0, 0, 0, 4, 2, 0, 0}},
}
