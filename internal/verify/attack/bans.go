package attack

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// The sets in which the kernel keeps bans. IPv6 addresses are cut to their /64
// there.
const (
	banV4 = ruleset.SetPrefix + "ban-v4"
	banV6 = ruleset.SetPrefix + "ban-v6"
)

// banned reports whether the kernel has banned an address.
func banned(a netip.Addr) (bool, error) {
	name := banV4
	if a.Is6() {
		name = banV6
	}
	for entry, err := range kernelset.Members(name) {
		switch {
		case errors.Is(err, kernelset.ErrNotFound):
			return false, nil // a profile that bans no source
		case err != nil:
			return false, err
		case covers(entry.Prefix, a):
			return true, nil
		}
	}
	return false, nil
}

// covers reports whether a ban entry is about an address.
func covers(entry netip.Prefix, a netip.Addr) bool {
	if a.Is6() {
		entry = netip.PrefixFrom(entry.Addr(), 64)
	}
	return entry.Contains(a)
}

// banWatch notes when each ban is first seen.
type banWatch struct {
	lock sync.Mutex
	seen map[netip.Prefix]time.Time
	stop chan struct{}
	done sync.WaitGroup
}

// look is the time between two looks at the ban sets, and so how exact the
// moment of a ban is.
const look = 20 * time.Millisecond

func watchBans() *banWatch {
	w := &banWatch{seen: map[netip.Prefix]time.Time{}, stop: make(chan struct{})}
	w.done.Add(1)
	go func() {
		defer w.done.Done()
		for ticker := time.NewTicker(look); ; {
			select {
			case <-w.stop:
				ticker.Stop()
				return
			case <-ticker.C:
				w.look()
			}
		}
	}()
	return w
}

// look notes what is new. A set that cannot be read now is read next time.
func (w *banWatch) look() {
	now := time.Now()
	for _, name := range []string{banV4, banV6} {
		for entry, err := range kernelset.Members(name) {
			if err != nil {
				break
			}
			w.note(entry.Prefix, now)
		}
	}
}

func (w *banWatch) note(p netip.Prefix, now time.Time) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if _, known := w.seen[p]; !known {
		w.seen[p] = now
	}
}

// at returns when the ban of an address was first seen, or the zero Time.
func (w *banWatch) at(a netip.Addr) time.Time {
	w.lock.Lock()
	defer w.lock.Unlock()
	for p, t := range w.seen {
		if covers(p, a) {
			return t
		}
	}
	return time.Time{}
}

func (w *banWatch) close() {
	close(w.stop)
	w.done.Wait()
}
