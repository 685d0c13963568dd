package change

import (
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/generation"
)

// unconfirmed says that a profile was tried, by whom and when, and that this was
// not confirmed; "" if it was not tried, or was confirmed since.
func unconfirmed(b *bundle.Bundle, sources []generation.Source) string {
	tried, ok := local.Host.Generations.Unconfirmed(generation.OrdersOf(b, sources))
	if !ok {
		return ""
	}
	return fmt.Sprintf("this profile was on trial, by %s at %s, and was not confirmed: it may lock you out",
		tried.Who, tried.When.Local().Format("2006-01-02 15:04:05"))
}

// unproven returns why a profile must not be applied for good without asking
// first: it was tried and not confirmed. It is on disk still, where cron
// takes it. On trial it may be tried again.
func (f Flags) unproven(t host.Target, within time.Duration) error {
	if *f.noGuard || within > 0 || f.AfterRollback == nil {
		return nil
	}
	story := unconfirmed(t.Bundle, t.Sources)
	if story == "" {
		return nil
	}
	return fmt.Errorf("%s. Nothing was changed. Fix the profile, or apply it on trial with --confirm-within 60s. --no-guard skips this check", story)
}

// NoteUnconfirmed tells the reader of a plan that an apply for good would be
// refused. While that trial goes on, nothing is refused yet.
func NoteUnconfirmed(r *host.Reading, b *bundle.Bundle, sources []generation.Source) {
	story := unconfirmed(b, sources)
	if story == "" || r.Plan.Empty() {
		return
	}
	r.Plan.Notes = append(r.Plan.Notes, story+". An apply without a trial (--auto-approve --confirm-within 0) is refused. Apply it on trial with --confirm-within 60s")
}
