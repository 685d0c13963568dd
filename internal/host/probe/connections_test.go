package probe

import (
	"fmt"
	"testing"
)

// A table as a kernel of x86-64 prints it: a listener, an open connection, one
// over loopback, one in TIME-WAIT, and one of an IPv6 socket to an IPv4 address.
func TestConnections(t *testing.T) {
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for _, test := range []struct{ name, table, want string }{
		{"nothing open", heading, "[]"},
		{"IPv4", heading +
			"   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n" +
			"   1: 010200C0:0016 140200C0:D431 01 00000000:00000000 02:000AF4C1 00000000     0\n" +
			"   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 02:000AF4C1 00000000     0\n" +
			"   3: 010200C0:0016 150200C0:D431 06 00000000:00000000 03:000AF4C1 00000000     0\n",
			"[{192.0.2.1:22 192.0.2.20:54321 true 01}]"},
		{"being made, and over", heading +
			"   0: 00000000:0016 00000000:0000 0A\n" + "   1: 010200C0:0016 140200C0:D431 03\n" +
			"   2: 010200C0:9000 140200C0:D431 02\n" + "   3: 010200C0:0016 140200C0:D431 07\n" + "   4: 010200C0:0016 140200C0:D431 0C\n",
			"[]"},
		{"inbound first", heading +
			"   0: 010200C0:9000 140200C0:01BB 01\n" + "   1: 010200C0:9001 140200C0:01BB 01\n" +
			"   2: 010200C0:0016 150200C0:D431 01\n" + "   3: 00000000:0016 00000000:0000 0A\n",
			"[{192.0.2.1:22 192.0.2.21:54321 true 01} {192.0.2.1:36864 192.0.2.20:443 false 01} {192.0.2.1:36865 192.0.2.20:443 false 01}]"},
		{"IPv6", heading +
			"   0: B80D0120000000000000000001000000:01BB B80D0120000000000000000020000000:0400 01 00000000:00000000\n" +
			"   1: 0000000000000000FFFF0000010200C0:0016 0000000000000000FFFF0000140200C0:0401 08 00000000:00000000\n",
			"[{[2001:db8::1]:443 [2001:db8::20]:1024 false 01} {192.0.2.1:22 192.0.2.20:1025 false 08}]"},
	} {
		sockets, err := readSockets([]byte(test.table))
		if got := connections(sockets); err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: got %v, %v, want %s", test.name, got, err, test.want)
		}
	}
	for _, bad := range []string{"0: 1 2\n", "0: 010200C0:0016 xyz:0016 01\n", "0: 010200C0:0016 010200C0 01\n", "0: 010200C0:0016 0102:0016 01\n"} {
		if got, err := readSockets([]byte(heading + bad)); err == nil {
			t.Errorf("%q gave %v", bad, got)
		}
	}
}
