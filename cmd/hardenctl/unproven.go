package main

import (
	"fmt"
	"time"

	"hardenctl/host/generation"
)

// unproven returns why a profile must not be applied for good without asking
// anybody: it was tried, and nobody confirmed it. It is on disk still, where cron
// takes it. On trial it may be tried again.
func (f applyFlags) unproven(t target, within time.Duration) error {
	if *f.noGuard || within > 0 || f.afterRollback == nil {
		return nil
	}
	tried, ok := generation.Host.Unconfirmed(generation.OrdersOf(t.bundle, t.sources))
	if !ok {
		return nil
	}
	return fmt.Errorf("this profile was on trial, by %s at %s, and nobody confirmed it: you may not be able to log in with it. Nothing was changed. Mend it, or try it again with --confirm-within 60s; --no-guard applies it all the same",
		tried.Who, tried.When.Local().Format("2006-01-02 15:04:05"))
}
