package attack

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// grace is how much longer than a time of a door is waited for its end.
const grace = 500 * time.Millisecond

// knockLate makes the jobs that try each door of a copy of the profile by its
// clock.
func (s *scene) knockLate(ctx context.Context, r *result.Report, p *profile.Profile) (jobs []func() error) {
	for i, attacked := range doors(s.Profile) {
		d := &r.Doors[i]
		k := p.Knocks[slices.IndexFunc(p.Knocks, func(k profile.Knock) bool { return k.Name == d.Name })]
		d.Step, d.Open = k.Step, k.Open
		jobs = append(jobs, func() error { return s.watchDoor(ctx, d, attacked.calls, k) })
	}
	return jobs
}

// watch is one door of a copy of the profile while callers try its clock.
type watch struct {
	*scene
	prober *prober.Prober
	door   *result.Door
	calls  []lab.Port
	knock  profile.Knock
}

// caller is two unlisted sources at a door: a slow one, which waits too long before the
// last knock, and a quick one, which tries again when the door has closed. If the
// machine was too busy for the quick one to be in time, there is only the other.
type caller struct {
	slow, quick netip.Addr
	family      int
	knocked     time.Time
}

// watchDoor lets a caller of each family try a door.
func (s *scene) watchDoor(ctx context.Context, d *result.Door, calls []lab.Port, k profile.Knock) error {
	p, err := s.NewProber()
	if err != nil {
		return err
	}
	defer p.Close()
	w := watch{s, p, d, calls, k}
	var callers []*caller
	for _, family := range network.Families {
		callers = append(callers, &caller{slow: w.Newcomer(family), family: family})
	}
	for _, step := range []func(context.Context, *caller) error{w.begin, w.endTooLate, w.comeAgain} {
		for _, c := range callers {
			if err := step(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin sends all knocks of the quick caller, who is let in, and all but the last
// of the slow one.
func (w watch) begin(ctx context.Context, c *caller) error {
	if err := w.beInTime(ctx, c); err != nil {
		return err
	}
	sequence := w.knock.Sequence
	err := sendKnocks(w.prober, c.slow, sequence[:len(sequence)-1])
	c.knocked = time.Now()
	return err
}

// inTimeTries is how many callers try to be in time, one after the other.
const inTimeTries = 3

// beInTime sends the knocks of quick callers, until one of them comes in, or has
// been in time and does not. A busy machine may be too slow for all of them.
func (w watch) beInTime(ctx context.Context, c *caller) error {
	const name = "every knock in time"
	for range inTimeTries {
		from, start, began := w.Newcomer(c.family), w.Now(), time.Now()
		if err := sendKnocks(w.prober, from, w.knock.Sequence); err != nil {
			return err
		}
		n, err := passes(ctx, w.prober, w.calls, from, network.SourcePort)
		if err != nil {
			return err
		}
		opens, opened := w.Answers(c.family), n == len(w.calls)
		if late := time.Since(began) > min(w.knock.Step, w.knock.Open); opens && !opened && late {
			continue
		}
		c.quick = from
		w.door.Try(name, c.family, opens, opened, start, w.Now())
		return nil
	}
	w.door.Late = append(w.door.Late, c.family)
	return nil
}

// endTooLate sends the last knock of the slow caller.
func (w watch) endTooLate(ctx context.Context, c *caller) error {
	c.wait(w.knock.Step)
	if err := sendKnocks(w.prober, c.slow, w.knock.Sequence[len(w.knock.Sequence)-1:]); err != nil {
		return err
	}
	return w.look(ctx, "a knock too late", c.slow, network.SourcePort)
}

// comeAgain has the quick caller try a door that has closed.
func (w watch) comeAgain(ctx context.Context, c *caller) error {
	if !c.quick.IsValid() {
		return nil
	}
	c.wait(w.knock.Open)
	return w.look(ctx, "a door that has closed again", c.quick, network.SourcePort+1)
}

// wait waits until a time of the door is over for a caller.
func (c *caller) wait(t time.Duration) { time.Sleep(time.Until(c.knocked.Add(t + grace))) }

// look notes whether a source comes through the door that should not.
func (w watch) look(ctx context.Context, name string, from netip.Addr, local uint16) error {
	start := w.Now()
	n, err := passes(ctx, w.prober, w.calls, from, local)
	w.door.Try(name, network.FamilyOf(from), false, n > 0, start, w.Now())
	return err
}
