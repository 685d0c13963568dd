package scan

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

const pinged = `version = 1
include = ["builtin:web"]
[access]
admin = ["192.0.2.77"]
`

// The kernel sends the IP options of an echo request and of a SYN back, filled in with
// its clock and its address, and it repeats the code of an echo request, which Windows
// does not. So the profile answers none of them, and plain ones as ever.
func TestOptionsAndCodesAreNotSentBack(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		scanner, admin := network.Host("scanner", "192.0.2.66/24", "2001:db8::66/64"), network.Host("admin", "192.0.2.77/24")
		lab.Serve(t, "tcp", 80)
		expect := func(when string, from *lab.Host, odd bool) {
			t.Helper()
			for name, want := range map[string]bool{"": true, "-R": odd, "-T tsonly": odd, "-T tsandaddr": odd} {
				if got := pings(from, name); got != want {
					t.Errorf("%s: %s: ping %s is answered: %v", when, from.Name(), name, got)
				}
			}
		}
		codes := func(when string, want bool) {
			t.Helper()
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				if got := answersCode(t, scanner, server, 9); got != want {
					t.Errorf("%s: an echo request to %s with code 9 is answered: %v", when, server, got)
				}
				if !answersCode(t, scanner, server, 0) {
					t.Errorf("%s: an echo request to %s is not answered", when, server)
				}
			}
		}
		expect("bare", scanner, true)
		codes("bare", true)
		if err := connects(scanner, timestamp); err != nil {
			t.Fatalf("bare: a SYN with IP options: %v", err)
		}
		run.Expect(t, 0, "apply", testfile.Write(t, "pinged.toml", pinged), "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect("web", scanner, false)
		expect("web", admin, true)
		codes("web", false)
		if connects(scanner, timestamp) == nil || connects(scanner, recordRoute) == nil {
			t.Error("a SYN with IP options is answered")
		}
		require.NoError(t, connects(scanner, nil))
	})
}

// pings reports whether a ping with options is answered.
func pings(from *lab.Host, options string) bool {
	command := "exec ping -c 1 -W 1 " + options + " " + lab.ServerV4
	return from.Command(context.Background(), "sh", "-c", command).Run() == nil
}

// Options of IP (RFC 791, section 3.1), with room for what is sent back.
var (
	timestamp   = []byte{68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	recordRoute = []byte{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}
)

// connects opens a connection whose SYN carries IP options. A dropped SYN is an error
// before it is sent again.
func connects(from *lab.Host, options []byte) error {
	dialer := net.Dialer{Timeout: 900 * time.Millisecond, Control: func(_, _ string, c syscall.RawConn) (err error) {
		c.Control(func(fd uintptr) {
			err = unix.SetsockoptString(int(fd), unix.IPPROTO_IP, unix.IP_OPTIONS, string(options))
		})
		return err
	}}
	return from.Do(func() error {
		c, err := dialer.Dial("tcp4", net.JoinHostPort(lab.ServerV4, "80"))
		if err == nil {
			c.Close()
		}
		return err
	})
}

// answersCode reports whether an echo request with a code is answered.
func answersCode(t *testing.T, from *lab.Host, server string, code byte) bool {
	t.Helper()
	to, network, request, reply := netip.MustParseAddr(server), "ip4:icmp", byte(8), byte(0)
	if to.Is6() {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	answered := false
	require.NoError(t, from.Do(func() error {
		c, err := net.ListenPacket(network, "")
		if err != nil {
			return err
		}
		defer c.Close()
		message := []byte{request, code, 0, 0, 0, 7, 0, 7}
		if to.Is4() { // of ICMPv6 the kernel writes the checksum
			sum := 0xffff - (uint16(request)<<8 + uint16(code) + 14)
			message[2], message[3] = byte(sum>>8), byte(sum)
		}
		if _, err := c.WriteTo(message, &net.IPAddr{IP: to.AsSlice()}); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(900 * time.Millisecond))
		buffer := make([]byte, 1500)
		for !answered {
			n, _, err := c.ReadFrom(buffer)
			if err != nil {
				return nil // none came within the time
			}
			answered = n >= 2 && buffer[0] == reply && buffer[1] == code
		}
		return nil
	}))
	return answered
}
