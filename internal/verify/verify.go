// Package verify attacks a profile and reports what an attacker learned, what
// legitimate clients noticed, and which of the profile's promises held.
//
// It runs inside a lab: the profile is applied for real to a server in a
// throwaway network, with a listener on every port of every service, and on
// ports that the profile does not state, which must stay hidden. Unlisted
// sources draw the map of all 65,536 ports before and after; probes are sent one by one
// until the kernel bans; nmap, masscan and zmap, or the prober of our own where
// one is not installed, run their scan types. Meanwhile a client, a crawler and an admin
// keep visiting. What is promised is read from the profile, and every promise
// is judged by what happened to packets, never by what rules say.
package verify

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Options say how to attack.
type Options struct {
	// Nmap scans with nmap, Masscan and ZMap with those; otherwise our own prober
	// sends what they would.
	Nmap, Masscan, ZMap bool
	// Quick leaves out the scans that seldom tell more.
	Quick bool
	// Progress is told each step.
	Progress func(string)
}

// Run attacks a profile, whose bundle is b. It must run inside of a lab (see
// lab.Main), which it leaves with the profile applied. A broken promise is no
// error: see Report.Kept.
func Run(ctx context.Context, p *profile.Profile, b *bundle.Bundle, o Options) (*Report, error) {
	if err := lab.Inside(); err != nil {
		return nil, err
	}
	s := &scene{profile: p, bundle: b, options: o, progress: o.Progress, homes: map[netip.Addr]*lab.Host{}, services: map[lab.Port]*lab.Service{}, start: time.Now()}
	defer s.close()
	s.progress("building a network with a server, attackers and legitimate clients")
	if err := s.settle(); err != nil {
		return nil, err
	}
	return s.play(ctx)
}

// play is the attack: before, apply, after.
func (s *scene) play(ctx context.Context) (*Report, error) {
	begin := time.Now()
	r := s.cast()
	visitors, err := s.invite()
	if err != nil {
		return nil, err
	}
	if err := s.quiet(); err != nil {
		return nil, err
	}
	s.progress("before: all 65,536 ports, without a firewall")
	bare, err := s.maps(ctx, Before)
	if err != nil {
		return nil, err
	}
	if err := s.guesses(ctx, r, "guesser-before", before); err != nil {
		return nil, err
	}
	if err := s.openBefore(); err != nil {
		return nil, err
	}
	s.progress("applying the profile")
	if r.Backend, err = s.apply(ctx, s.bundle); err != nil {
		return nil, err
	}
	shift(bare, time.Since(s.start).Seconds())
	s.start = time.Now()
	t, err := s.siege(ctx, r, visitors)
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, r); err != nil {
		return nil, err
	}
	r.Maps = append(bare, r.Maps...)
	r.Promises, r.Unjudged = s.judge(r, t), s.unjudged(r)
	r.Seconds = time.Since(begin).Seconds()
	return r, nil
}

// shift moves the times of maps to before the profile was live.
func shift(maps []Map, by float64) {
	for i := range maps {
		maps[i].Start -= by
		maps[i].End -= by
	}
}

// cast is the part of the report that is known beforehand.
func (s *scene) cast() *Report {
	r := &Report{Profile: s.bundle.Manifest.Profile, Description: s.profile.Description, Scanner: "prober", Services: []string{}, Hidden: []string{}, Guesses: []Guess{}, SlowScans: []SlowScan{}, Doors: []Door{}}
	if s.options.Nmap {
		r.Scanner = "nmap"
	}
	slices.SortFunc(s.listening, func(a, b lab.Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
	})
	for _, port := range s.listening {
		if isPublic(s.profile, port) {
			r.Services = append(r.Services, port.String())
		} else {
			r.Hidden = append(r.Hidden, port.String())
		}
	}
	return r
}

// siege is everything that happens while the profile is live and visitors connect.
func (s *scene) siege(ctx context.Context, r *Report, visitors []*visitor) (t checks, err error) {
	s.bans = watchBans()
	defer s.bans.close()
	if err := s.tryOpened(ctx, &t.opened); err != nil {
		return t, err
	}
	stop := s.gather(visitors)
	err = s.attackBy(ctx, r)
	if err == nil {
		s.progress("forged, blocked and welcome sources")
		err = s.check(ctx, visitors, &t)
	}
	stop()
	if err == nil {
		s.progress("a client that retries, ports without a program, and forwarded ports")
		err = errors.Join(s.tryRetries(ctx, &t.retries), s.tryUnserved(ctx, &t.unserved), s.tryForwarded(ctx, &t.forwarded))
	}
	for _, p := range visitors {
		r.Visitors = append(r.Visitors, p.report())
	}
	r.missed()
	return t, err
}

// attackBy runs all attacks, from unlisted addresses.
func (s *scene) attackBy(ctx context.Context, r *Report) (err error) {
	s.progress("after: all 65,536 ports, by a patient attacker and by a single one")
	if r.Maps, err = s.maps(ctx, Patient, Single); err != nil {
		return err
	}
	s.progress("counting probes until the ban")
	if r.BanCounts, err = s.banCounts(ctx); err != nil {
		return err
	}
	err = inParallel(2, []func() error{
		func() (err error) { r.Attacks, err = s.attackAll(ctx, r.BanCounts); return err },
		func() error { return s.knockAll(ctx, r) },
	})
	if err != nil {
		return err
	}
	return s.guesses(ctx, r, "guesser-after", after)
}
