package watchdog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

var errBusy = errors.New("busy")

// What blocks it for a moment is tried again soon, what is for longer less
// often, and what is for good not for ever.
func TestInsist(t *testing.T) {
	for _, c := range []struct {
		name            string
		failures, tries int
		pauses          string // the first of them
		err             error
	}{
		{"at once", 0, 1, "[]", nil},
		{"the third time", 2, 3, "[1s 2s]", nil},
		{"never", 1000, 66, "[1s 2s 4s 8s 16s 32s 1m0s 1m0s]", errBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			tries, told, pauses := 0, 0, []time.Duration{}
			err := insist(func() error {
				if tries++; tries > c.failures {
					return nil
				}
				return errBusy
			}, func(error, time.Duration) { told++ }, func(pause time.Duration) bool {
				pauses = append(pauses, pause)
				return true
			})
			if tries != c.tries || err != c.err || told != len(pauses) {
				t.Errorf("%d tries, %d told, then %v", tries, told, err)
			}
			if first := fmt.Sprint(pauses[:min(len(pauses), 8)]); first != c.pauses {
				t.Errorf("pauses of %s", first)
			}
		})
	}
}

// A signal ends the waiting, and the error says what is still to do.
func TestInsistInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tries := 0
	err := Insist(ctx, func() error { tries++; return errBusy }, func(error, time.Duration) {})
	if err != errBusy || tries != 1 {
		t.Errorf("%d tries, then %v", tries, err)
	}
}
