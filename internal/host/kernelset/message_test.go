package kernelset

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	ipset "github.com/lrh3321/ipset-go"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

func TestEntryReadsWhatMemberWrites(t *testing.T) {
	four := Header{Type: HashNet, Family: ruleset.V4}
	six := Header{Type: HashNet, Family: ruleset.V6}
	cut := Header{Type: HashIP, Family: ruleset.V6, Netmask: 64}
	for _, c := range []struct {
		h Header
		e Entry
	}{
		{four, Entry{Prefix: netip.MustParsePrefix("192.0.2.0/24")}},
		{four, Entry{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Timeout: time.Minute, NoMatch: true}},
		{six, Entry{Prefix: netip.MustParsePrefix("2001:db8::/32"), Timeout: Forever}},
		{cut, Entry{Prefix: netip.MustParsePrefix("2001:db8::/64")}},
	} {
		var got []Entry
		err := members(c.h.member(nil, c.e, 0), func(text []byte) error {
			e, err := c.h.entry(text)
			got = append(got, e)
			return err
		})
		if err != nil || len(got) != 1 || got[0] != c.e {
			t.Errorf("wrote %v, read %v, %v", c.e, got, err)
		}
	}
}

func TestWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]uint32{
		Forever: 0, 1: 1, time.Second: 1, time.Second + 1: 2, time.Hour: 3600, 1<<63 - 1: 1<<32 - 1,
	} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("%s is %d s, want %d", d, got, want)
		}
	}
}

func TestMalformedAnswers(t *testing.T) {
	h := Header{Type: HashNet, Family: ruleset.V4}
	address := message{}.address(netip.MustParseAddr("192.0.2.1"))
	for name, text := range map[string]message{
		"cut off":              address[:len(address)-1],
		"a length of nothing":  {0, 0, 1, 0},
		"no address":           message{}.attribute(nl.IPSET_ATTR_CIDR, 24),
		"an empty address":     message{}.attribute(nl.IPSET_ATTR_IP),
		"an address of 3":      message{}.attribute(nl.IPSET_ATTR_IP, 7, 0, 1, 0, 1, 2, 3),
		"a prefix length of 9": append(address[:len(address):len(address)], message{}.attribute(nl.IPSET_ATTR_CIDR, 33)...),
		"a long length":        append(address[:len(address):len(address)], message{}.attribute(nl.IPSET_ATTR_CIDR, 2, 4)...),
	} {
		if e, err := h.entry(text); !errors.Is(err, errMalformed) {
			t.Errorf("%s: got %v, %v", name, e, err)
		}
	}
}

// A message with every entry that fits must come back whole with an error, in
// one read of package nl.
func TestBatchFitsInAnError(t *testing.T) {
	six := Header{Name: strings.Repeat("n", 31), Type: HashNet, Family: ruleset.V6, Counters: true}
	e := Entry{Prefix: netip.MustParsePrefix("2001:db8::/32"), Timeout: time.Hour, NoMatch: true, Packets: 1 << 40, Bytes: 1 << 50}
	if size := len(six.member(nil, e, 0)); size > maxEntry {
		t.Errorf("an entry takes %d bytes, maxEntry is %d", size, maxEntry)
	}
	body, next, err := six.batch(0, 1<<20, func(int) Entry { return e })
	if err != nil || next < 500 {
		t.Errorf("%d entries fit, %v", next, err)
	}
	if size := unix.NLMSG_HDRLEN + 4 + unix.NLMSG_HDRLEN + len(body); size > nl.RECEIVE_BUFFER_SIZE {
		t.Errorf("an error has %d bytes, package nl reads %d", size, nl.RECEIVE_BUFFER_SIZE)
	}
}

func TestViaLibraryGuards(t *testing.T) {
	for _, c := range []struct {
		name string
		op   func() error
		want error
	}{
		{"success", func() error { return nil }, nil},
		{"a missing set", func() error { return syscall.ENOENT }, ErrNotFound},
		{"busy", func() error { return ipset.ErrBusy }, ErrBusy},
	} {
		if err := viaLibrary(c.op); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	// What ipsetExecute does with an error that is not an errno.
	wrapped := fmt.Errorf("wrapped: %w", syscall.EAGAIN)
	err := viaLibrary(func() error { return wrapped.(syscall.Errno) })
	if err == nil || !strings.Contains(err.Error(), "ipset-go: interface conversion") {
		t.Errorf("a panic became %v", err)
	}
}

func FuzzRead(f *testing.F) {
	h := Header{Type: HashNet, Family: ruleset.V4}
	e := Entry{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Timeout: time.Minute, NoMatch: true}
	body, _, err := h.batch(0, 2, func(int) Entry { return e })
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(body[nl.SizeofNfgenmsg:]))
	f.Fuzz(func(t *testing.T, text []byte) {
		h := Header{Type: HashNet, Family: ruleset.V4}
		_ = h.read(text, func(text []byte) error {
			h.Type = HashNet
			e, err := h.entry(text)
			if err == nil && !e.Prefix.IsValid() {
				t.Errorf("an entry without a prefix: %v", e)
			}
			return err
		})
		_ = verdict(text)
	})
}
