package lab

import (
	"errors"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// One SYN is enough where nothing is in its way; one that is dropped is an error,
// though the kernel would ask again, and so is a refusal.
func TestDialOnce(t *testing.T) {
	FlushState(t)
	Serve(t, "tcp", 80)
	client := NewNetwork(t).Host("client", "192.0.2.20/24")
	must(t, run("iptables", "-A", "INPUT", "-p", "tcp", "--dport", "82", "-j", "DROP"))
	// The first SYN to port 80 is dropped, and no other.
	first := []string{"INPUT", "-p", "tcp", "--dport", "80", "--syn", "-m", "limit", "--limit", "1/day", "--limit-burst", "1", "-j", "DROP"}
	must(t, run("iptables", append([]string{"-A"}, first...)...))
	for _, c := range []struct {
		address string
		want    error
	}{
		{ServerV4 + ":80", ErrUnanswered}, {ServerV4 + ":80", nil},
		{ServerV4 + ":81", syscall.ECONNREFUSED}, {ServerV4 + ":82", ErrUnanswered},
	} {
		conn, err := client.DialOnce(netip.AddrPort{}, c.address)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.address, err, c.want)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// A knock is sent however short the wait for an answer is.
func TestKnock(t *testing.T) {
	FlushState(t)
	Serve(t, "tcp", 80)
	client := NewNetwork(t).Host("client", "192.0.2.20/24")
	must(t, run("iptables", "-A", "INPUT", "-p", "tcp", "--dport", "82", "-j", "DROP"))
	for port, want := range map[string]bool{"80": true, "81": false, "82": false} {
		accepted, err := client.Knock(ServerV4+":"+port, time.Second)
		must(t, err)
		if accepted != want {
			t.Errorf("port %s: accepted is %v, want %v", port, accepted, want)
		}
	}
	before := dropped(t)
	for range 5 {
		_, err := client.Knock(ServerV4+":82", time.Nanosecond)
		must(t, err)
	}
	if n := dropped(t) - before; n != 5 {
		t.Errorf("of 5 knocks %d came", n)
	}
}

// dropped is how many packets the first rule of INPUT has matched.
func dropped(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("iptables", "-w", "-vxnL", "INPUT", "1").Output()
	must(t, err)
	n, err := strconv.Atoi(strings.Fields(string(out))[0])
	must(t, err)
	return n
}
