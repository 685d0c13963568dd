package host_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// A process is killed in an apply, and the one that recovers fails, or is killed
// too, at any operation. The third brings the host to one whole state: the old one, or
// the new one if the first process had confirmed it.
func TestFailureOfEachRecovery(t *testing.T) {
	after := newBench(t)
	after.comes(host.Confirmed, after.apply(oldSite, 0))
	before := after.String()
	after.comes(host.Confirmed, after.apply(newSite, 0))
	for _, dying := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %v", dying), func(t *testing.T) {
			t.Parallel()
			cells := 0
			for first := 0; ; first += 3 {
				more := 0
				for second := 0; second == 0 || more > 0; second++ {
					more = recoversThen(t, first, second, dying, before, after.String())
					cells++
				}
				if more < 0 {
					break
				}
			}
			if cells < 100 {
				t.Errorf("only %d recoveries were tried", cells)
			}
		})
	}
}

// recoversThen has an apply die at one operation, and the recovery fail at another. It
// returns 1, or 0 if the recovery has no such operation, or -1 if the apply has none.
func recoversThen(t *testing.T, first, second int, dying bool, before, after string) int {
	t.Helper()
	b := newBench(t)
	b.comes(host.Confirmed, b.apply(oldSite, 0))
	if b.at(first, true); !dies(func() { b.apply(newSite, 0) }) {
		return -1
	}
	e, _ := b.journal.Read()
	if e.Phase != journal.Confirmed {
		b.Elapse(time.Hour)
	}
	done := len(b.Done)
	b.at(second, dying)
	dies(func() {
		b.must(b.held(func(h *host.Handle) error { _ = h.Recover(context.Background()); return nil }))
	})
	b.Break = nil
	if len(b.Done)-done <= second {
		return 0
	}
	when := fmt.Sprintf("killed at operation %d, and %q of the recovery fails (%v)", first, b.Done[done+second], dying)
	b.afterwards()
	b.idle(when)
	want := before
	if e.Phase == journal.Confirmed || e.Phase == journal.Applied {
		want = after
	}
	b.is(when, want)
	return 1
}

// at fails the operation after n others, or has the process die there.
func (b *bench) at(n int, dying bool) {
	if b.breakAt(n); !dying {
		return
	}
	broken := b.Break
	b.Break = func(done int, operation string) error {
		if broken(done, operation) != nil {
			panic(death{})
		}
		return nil
	}
}
