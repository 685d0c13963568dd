package apply

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/netns"
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
		"198.51.100.7":                         "1 entries, expected 2",
		"198.51.100.7 192.0.2.0/24 10.0.0.0/8": "3 entries, expected 2",
		"198.51.100.7 192.0.2.0/25":            "someone has changed it",
		"198.51.100.7 192.0.2.0/24,nomatch":    "someone has changed it",
		"198.51.100.7 192.0.2.0/24,timeout,60": "someone has changed it",
		"198.51.100.8 192.0.2.0/24":            "someone has changed it",
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
			return holds(dataplane.Live().Sets, "a", want)
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
		if err := errors.Join(kernelset.Create(context.Background(), setfile.Sets([]byte(create))...), kernelset.Add("a", all)); err != nil {
			return err
		}
		for b.Loop() {
			if err := holds(dataplane.Live().Sets, "a", all); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// A set that counts and is replaced goes on with what it has counted, and with the
// larger of two counts where its copy on trial has counted too.
func TestKeepsCounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	const text = "create a hash:ip timeout 600 counters\nadd a 192.0.2.7 packets 5 bytes 300\nadd a 192.0.2.8 packets 9 bytes 540\n" +
		"create trial hash:ip timeout 600 counters\nadd trial 192.0.2.7 packets 7 bytes 420\nadd trial 192.0.2.8 packets 2 bytes 120\n" +
		"create new hash:ip timeout 900 counters\ncreate plain hash:ip timeout 900\n"
	w := setWork{change: Transition{Site: Site{Plane: dataplane.Live()}, Want: state.State{Sets: map[string]state.Set{"a": {Header: state.Header{Type: ruleset.HashIP}}}}}, kept: map[string]kept{}}
	got := map[string]uint64{}
	err := netns.Throwaway(func() error {
		err := errors.Join(kernelset.Restore(context.Background(), []byte(text)), w.keep("a", "a", "new"), w.keep("a", "trial", "new"))
		for e, unread := range kernelset.Members("new") {
			err = errors.Join(err, unread)
			got[e.Prefix.Addr().String()] = e.Packets + e.Bytes
		}
		w.kept = map[string]kept{}
		return errors.Join(err, w.keep("a", "a", "plain")) // which does not count
	})
	if err != nil || got["192.0.2.7"] != 427 || got["192.0.2.8"] != 549 {
		t.Errorf("%v, %v", got, err)
	}
}

// Of an entry that two sets hold, the longer time and the larger counters are kept,
// whichever set has them.
func TestKeepsTheLongerAndTheLarger(t *testing.T) {
	entry := func(left time.Duration, packets uint64) kernelset.Entry {
		return kernelset.Entry{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Timeout: left, Packets: packets, Bytes: 60 * packets}
	}
	const forever = kernelset.Forever
	for _, c := range []struct {
		first, second, want kernelset.Entry
		news                bool
	}{
		{entry(600, 5), entry(600, 5), entry(600, 5), false},
		{entry(599, 5), entry(600, 2), entry(600, 5), true},
		{entry(600, 5), entry(599, 7), entry(600, 7), true},
		{entry(600, 5), entry(10, 2), entry(600, 5), false},
		{entry(forever, 5), entry(600, 7), entry(forever, 7), true},
		{entry(600, 5), entry(forever, 2), entry(forever, 5), true},
	} {
		k := kept{}
		k.take(c.first)
		if got, news := k.take(c.second); got != c.want || news != c.news {
			t.Errorf("%v, then %v: %v, news %v", c.first, c.second, got, news)
		}
	}
}
