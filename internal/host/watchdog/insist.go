package watchdog

import (
	"context"
	"time"
)

// How long Insist goes on, and how long it waits between two tries: at first and
// at most. A program that holds the lock of xtables, or a disk that fails for a moment,
// is done in seconds; an hour outlasts a backup.
const (
	patience   = time.Hour
	firstPause = time.Second
	longPause  = time.Minute
)

// Insist calls end until it succeeds, with longer and longer pauses, an hour of
// them at most. tell is told of each try that failed, and when the next is. The
// error is that of the last one: from then on the next hardenctl command, or the
// boot, has to do it. It ends early with ctx.
func Insist(ctx context.Context, end func() error, tell func(err error, next time.Duration)) error {
	return insist(end, tell, func(pause time.Duration) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
			return true
		}
	})
}

// insist is Insist with a function that waits for a pause to be over, and says whether to
// go on.
func insist(end func() error, tell func(error, time.Duration), wait func(time.Duration) bool) error {
	pause, waited := firstPause, time.Duration(0)
	for {
		err := end()
		if err == nil || waited >= patience {
			return err
		}
		tell(err, pause)
		if !wait(pause) {
			return err
		}
		waited += pause
		pause = min(2*pause, longPause)
	}
}
