// Package verify attacks a profile and reports what an attacker learned, what
// legitimate clients noticed, and which of the profile's promises held.
//
// It runs inside a lab, and each of its rooms uses only those before it: network
// builds the server and applies the profile to it for real, attack attacks it, judge
// says which promises held, report and page show it. Package result is the data that
// goes from one to the next.
package verify

import (
	"context"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/attack"
	"github.com/hardenctl/hardenctl/internal/verify/judge"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Options say how to attack.
type Options = attack.Options

// Report is what the attack showed, with the verdict.
type Report = result.Report

// Run attacks a profile, whose bundle is b. It must run inside of a lab (see
// lab.Main), which it leaves with the profile applied. A broken promise is no
// error: see Report.Kept.
func Run(ctx context.Context, p *profile.Profile, b *bundle.Bundle, o Options) (*Report, error) {
	if err := lab.Inside(); err != nil {
		return nil, err
	}
	if err := network.Unattackable(p); err != nil {
		return nil, err
	}
	p = network.Facing(p)
	o.Progress("building a network with a server, attackers and legitimate clients")
	n, err := network.Build(p, b)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	r, found, err := attack.Run(ctx, n, o)
	if err != nil {
		return nil, err
	}
	r.Promises, r.Unjudged = judge.Promises(p, r, found), judge.Unjudged(p, o, r)
	return r, nil
}
