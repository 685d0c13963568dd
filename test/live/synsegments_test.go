package live

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// watched is a server that bans at the eleventh probe in a minute. It ends in
// [scan], so that more lines of it can follow.
const watched = watchful + `
[scan]
probes = 10
stealth = true
`

// watch makes the server one with that profile and more lines of [scan].
func watch(t *testing.T, more string) {
	t.Helper()
	serve(t)
	expect(t, 0, "apply", write(t, "watched.toml", watched+more+"\n"), "--auto-approve", "--confirm-within", "0", "--no-guard")
}

// linuxOptions are those of a SYN of Linux: a segment size of 1460, SACK,
// timestamps and a window scale of 7.
var linuxOptions = []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}

// syn is a SYN as Linux sends it, with any source address.
func syn(from netip.Addr, port int) lab.Segment {
	server := lab.ServerV4
	if from.Is6() {
		server = lab.ServerV6
	}
	return lab.Segment{
		From:  netip.AddrPortFrom(from, uint16(20000+port%20000)),
		To:    netip.AddrPortFrom(netip.MustParseAddr(server), uint16(port)),
		Flags: lab.SYN, Seq: 1000, Window: 64240, Options: linuxOptions,
	}
}

// syns are SYNs to n ports, the first and those behind it.
func syns(from netip.Addr, first, n int) []lab.Segment {
	var all []lab.Segment
	for i := range n {
		all = append(all, syn(from, first+i))
	}
	return all
}

// families returns the addresses of a host, IPv4 first.
func addresses(h *lab.Host) []netip.Addr { return []netip.Addr{h.V4(), h.V6()} }
