package lab

import (
	"context"
	"testing"
	"time"
)

// As many labs run at once as there are slots, whichever programs they are of: who comes
// too much waits until another has ended, or until its own time is over.
func TestSlotsAreShared(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	take := func(ctx context.Context) func() {
		t.Helper()
		all, err := newSlots(2)
		must(t, err)
		free, err := all.take(ctx, time.Time{})
		must(t, err)
		return free
	}
	first, second := take(ctx), take(ctx)
	third := make(chan func())
	go func() { third <- take(ctx) }()
	select {
	case <-third:
		t.Fatal("a third lab has one of two slots")
	case <-time.After(4 * slotPause):
	}
	second()
	free := <-third
	if ctx.Err() != nil {
		t.Fatal("no slot is free after one was freed")
	}

	over, end := context.WithCancel(ctx)
	end()
	take(over)()
	first()
	free()
}
