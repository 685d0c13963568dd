package host

import (
	"context"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/internal/host/guard"
	"github.com/hardenctl/hardenctl/internal/host/login"
)

// Guard rehearses who still gets in after the plan, puts what it finds into the
// plan, and returns why the plan must not be applied; nil if no one is locked
// out. A plan without changes locks no one out, and is not rehearsed. A reading
// is rehearsed once: what Guard found it says again. notAdmins are addresses that
// need not get in, though they are connected.
func (r *Reading) Guard(ctx context.Context, notAdmins netset.Set) error {
	if r.Plan.Empty() {
		return nil
	}
	if r.Plan.Access == nil {
		found, notes := r.host.system.Guard(ctx, guard.Question{
			Bundle: r.Bundle, Families: r.Tools.Families, Have: r.Have, Want: r.Want,
			Connection: login.Connected(), Copies: r.copies, NotAdmins: notAdmins,
		})
		for _, p := range slices.Concat(notAdmins.V4(), notAdmins.V6()) {
			found.NotAdmins = append(found.NotAdmins, string(netset.AppendPrefix(nil, p)))
		}
		r.Plan.Access, r.Plan.Notes = found, append(r.Plan.Notes, notes...)
	}
	return r.Plan.Access.Refusal()
}
