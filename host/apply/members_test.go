package apply

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"hardenctl/host/kernelset"
	"hardenctl/host/netns"
)

// A set that holds other entries than it shall, as many or not, is noticed, and
// so is an exception in the place of an entry.
func TestHolds(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32")}
	for entries, says := range map[string]string{
		"198.51.100.7 192.0.2.0/24":            "",
		"198.51.100.7":                         "1 entries of 2",
		"198.51.100.7 192.0.2.0/24 10.0.0.0/8": "3 entries of 2",
		"198.51.100.7 192.0.2.0/25":            "somebody has changed it",
		"198.51.100.7 192.0.2.0/24,nomatch":    "somebody has changed it",
		"198.51.100.7 192.0.2.0/24,timeout,60": "somebody has changed it",
		"198.51.100.8 192.0.2.0/24":            "somebody has changed it",
	} {
		text := "create a hash:net\n"
		if strings.Contains(entries, "timeout") {
			text = "create a hash:net timeout 0\n"
		}
		for _, e := range strings.Fields(entries) {
			text += "add a " + strings.ReplaceAll(e, ",", " ") + "\n"
		}
		err := netns.Throwaway(func() error {
			if err := kernelset.Restore(context.Background(), []byte(text)); err != nil {
				return err
			}
			return holds("a", want)
		})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", entries, err, says)
		}
	}
}

func BenchmarkHolds(b *testing.B) {
	var all []netip.Prefix
	for i := range 1_000_000 {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 15), byte(i >> 7), byte(i << 1)}), 32))
	}
	err := netns.Throwaway(func() error {
		const create = "create a hash:net hashsize 1048576 maxelem 1048576\n"
		if err := errors.Join(kernelset.Create(context.Background(), create), kernelset.Add("a", all)); err != nil {
			return err
		}
		for b.Loop() {
			if err := holds("a", all); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
