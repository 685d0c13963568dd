package verify

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"hardenctl/compiler/profile"
	"hardenctl/verify/prober"
)

// grace is how much longer than a time of a door is waited for its end.
const grace = 500 * time.Millisecond

// knockLate makes the jobs that try each door of a copy of the profile by its
// clock.
func (s *scene) knockLate(ctx context.Context, r *Report, p *profile.Profile) (jobs []func() error) {
	for i := range r.Doors {
		d := &r.Doors[i]
		k := p.Knocks[slices.IndexFunc(p.Knocks, func(k profile.Knock) bool { return k.Name == d.Name })]
		d.Step, d.Open = k.Step, k.Open
		jobs = append(jobs, func() error { return s.watchDoor(ctx, d, k) })
	}
	return jobs
}

// watch is one door of a copy of the profile while callers try its clock.
type watch struct {
	*scene
	prober *prober.Prober
	door   *Door
	knock  profile.Knock
}

// caller is two strangers at a door: a slow one, who waits too long before the
// last knock, and a quick one, who comes again when the door has closed.
type caller struct {
	slow, quick netip.Addr
	family      int
	knocked     time.Time
}

// watchDoor lets a caller of each family try a door.
func (s *scene) watchDoor(ctx context.Context, d *Door, k profile.Knock) error {
	p, err := s.newProber()
	if err != nil {
		return err
	}
	defer p.Close()
	w := watch{s, p, d, k}
	var callers []*caller
	for _, family := range families {
		slow, quick := s.strangers.next(), s.strangers.next()
		callers = append(callers, &caller{slow: s.strangers.number(slow, family), quick: s.strangers.number(quick, family), family: family})
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
	sequence := w.knock.Sequence
	if err := sendKnocks(w.prober, c.quick, sequence); err != nil {
		return err
	}
	if err := sendKnocks(w.prober, c.slow, sequence[:len(sequence)-1]); err != nil {
		return err
	}
	c.knocked = time.Now()
	return w.look(ctx, "every knock in time", c.quick, sourcePort, w.answers(c.family))
}

// endTooLate sends the last knock of the slow caller.
func (w watch) endTooLate(ctx context.Context, c *caller) error {
	c.wait(w.knock.Step)
	if err := sendKnocks(w.prober, c.slow, w.knock.Sequence[len(w.knock.Sequence)-1:]); err != nil {
		return err
	}
	return w.look(ctx, "a knock too late", c.slow, sourcePort, false)
}

// comeAgain has the quick caller try a door that has closed.
func (w watch) comeAgain(ctx context.Context, c *caller) error {
	c.wait(w.knock.Open)
	return w.look(ctx, "a door that has closed again", c.quick, sourcePort+1, false)
}

// wait waits until a time of the door is over for a caller.
func (c *caller) wait(t time.Duration) { time.Sleep(time.Until(c.knocked.Add(t + grace))) }

// look notes whether a source comes through the door.
func (w watch) look(ctx context.Context, name string, from netip.Addr, local uint16, opens bool) error {
	start := w.now()
	n, err := passes(ctx, w.prober, w.door, from, local)
	opened := n == len(w.door.calls)
	if !opens {
		opened = n > 0
	}
	w.door.try(name, familyOf(from), opens, opened, start, w.now())
	return err
}
