package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/apply"
)

func lockFlag(cmd *cobra.Command) *time.Duration {
	return cmd.Flags().Duration("lock-timeout", 10*time.Second, "how long to wait for another hardenctl")
}

// turnFlag is lockFlag for a command that a trial is in the way of.
func turnFlag(cmd *cobra.Command, wait time.Duration) *time.Duration {
	return cmd.Flags().Duration("lock-timeout", wait, "how long to wait for another hardenctl or a pending trial")
}

// lock takes the lock that a command holds while it changes the host. say is told
// if others could hold it.
func lock(ctx context.Context, wait time.Duration, say func(string)) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return apply.Lock(ctx, say)
}

// lockAloud is lock, and says on a terminal which process it waits for.
func lockAloud(cmd *cobra.Command, wait time.Duration, say func(step string)) (release func(), err error) {
	waiting := time.AfterFunc(time.Second, func() { say("waiting for another hardenctl: " + apply.Holder()) })
	defer waiting.Stop()
	return lock(cmd.Context(), wait, func(mended string) { fmt.Fprintln(cmd.ErrOrStderr(), "hardenctl: "+mended) })
}

// takeTurn takes the lock when nothing is under way any more: when ready, which
// is called with the lock held, finds nothing that ends by itself. It waits for
// other hardenctls and for trials, all in all no longer than wait; while it waits
// for a trial it holds no lock, so that this can be confirmed and ended.
func takeTurn(cmd *cobra.Command, wait time.Duration, say func(step string), ready func() error) (release func(), err error) {
	end := time.Now().Add(wait)
	for {
		release, err := lockAloud(cmd, time.Until(end), say)
		if err != nil {
			return nil, err
		}
		err = ready()
		if err == nil {
			return release, nil
		}
		release()
		if !host.Waits(err) {
			return nil, err
		}
		if !awaitEnd(cmd.Context(), end, func() { say("waiting for the trial to end: " + err.Error()) }) {
			return nil, exit{exitBusy, err}
		}
	}
}

// awaitEnd waits until no trial is in the way, and reports whether that came
// before the end. After a second it says once what it waits for.
func awaitEnd(ctx context.Context, end time.Time, say func()) bool {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	waiting := time.AfterFunc(time.Second, say)
	defer waiting.Stop()
	for host.InTheWay() != nil {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ctx.Err() == nil
}
