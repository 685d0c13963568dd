package host

import (
	"context"

	"hardenctl/host/guard"
	"hardenctl/host/session"
)

// Guard rehearses who still gets in after the plan, puts what it finds into the
// plan, and returns why the plan must not be applied; nil if nobody is locked
// out. A plan without changes locks nobody out, and is not rehearsed. A reading
// is rehearsed once: what Guard found it says again.
func (r *Reading) Guard(ctx context.Context) error {
	if r.Plan.Empty() {
		return nil
	}
	if r.Plan.Access == nil {
		found, notes := guard.Ask(ctx, guard.Question{
			Bundle: r.Bundle, Families: r.Tools.Families, Have: r.Have, Want: r.Want,
			Connection: session.Connected(), Copies: r.copies,
		})
		r.Plan.Access, r.Plan.Notes = found, append(r.Plan.Notes, notes...)
	}
	return r.Plan.Access.Refusal()
}
