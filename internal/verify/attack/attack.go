// Package attack attacks the server of a network and notes what it learned. Unlisted
// sources draw the map of all 65,536 ports before and after; probes are sent one by one
// until the kernel bans; nmap, masscan and zmap, or the prober of our own where
// one is not installed, run their scan types. Meanwhile a client, a crawler and an
// admin keep visiting. It judges nothing.
package attack

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
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

// scene is a network while an attack goes on.
type scene struct {
	*network.Network
	bans *banWatch
	// regular has been to a public service before, knocker asks at doors; nil
	// where the profile has no use for them.
	regular, knocker *visitor
	// newcomer is one like regular, of another network than the one that has proved as
	// many sources as it may.
	newcomer  *visitor
	connected connected
	progress  func(string)
	options   Options
}

// Run attacks the server of a network: before its profile is applied, and after.
// It returns the report without a verdict, and the findings that are not in it.
func Run(ctx context.Context, n *network.Network, o Options) (*result.Report, result.Checks, error) {
	s := &scene{Network: n, progress: o.Progress, options: o}
	defer s.connected.close()
	begin := time.Now()
	r := s.cast()
	visitors, err := s.prepare(ctx, r)
	if err != nil {
		return nil, result.Checks{}, err
	}
	s.progress("applying the profile")
	if r.Backend, err = s.Apply(ctx, s.Bundle); err != nil {
		return nil, result.Checks{}, err
	}
	bare := r.Maps
	shift(bare, s.Live())
	t, err := s.siege(ctx, r, visitors)
	if err != nil {
		return nil, result.Checks{}, err
	}
	r.Maps = append(bare, r.Maps...)
	err = s.wait(ctx, r)
	r.Seconds = time.Since(begin).Seconds()
	return r, t, err
}

// prepare invites the visitors, and looks at the server without a firewall.
func (s *scene) prepare(ctx context.Context, r *result.Report) ([]*visitor, error) {
	visitors, err := s.invite()
	if err != nil {
		return nil, err
	}
	if err := s.quiet(); err != nil {
		return nil, err
	}
	s.progress("before: all 65,536 ports, without a firewall")
	if r.Maps, err = s.maps(ctx, result.Before); err != nil {
		return nil, err
	}
	if err := s.guesses(ctx, r, "guesser-before", before); err != nil {
		return nil, err
	}
	return visitors, s.openBefore()
}

// shift moves the times of maps to before the profile was live.
func shift(maps []result.Map, by float64) {
	for i := range maps {
		maps[i].Start -= by
		maps[i].End -= by
	}
}

// cast is the part of the report that is known beforehand.
func (s *scene) cast() *result.Report {
	r := &result.Report{Profile: s.Bundle.Manifest.Profile, Description: s.Profile.Description, Scanner: "prober", Services: []string{}, Hidden: []string{}, Guesses: []result.Guess{}, SlowScans: []result.SlowScan{}, Doors: []result.Door{}}
	if s.options.Nmap {
		r.Scanner = "nmap"
	}
	slices.SortFunc(s.Listening, func(a, b lab.Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
	})
	for _, port := range s.Listening {
		if network.IsPublic(s.Profile, port) {
			r.Services = append(r.Services, port.String())
		} else {
			r.Hidden = append(r.Hidden, port.String())
		}
	}
	return r
}

// siege is everything that happens while the profile is live and visitors connect.
func (s *scene) siege(ctx context.Context, r *result.Report, visitors []*visitor) (t result.Checks, err error) {
	s.bans = watchBans()
	defer s.bans.close()
	if err := s.tryOpened(ctx, &t.Opened); err != nil {
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
		err = errors.Join(s.tryRetries(ctx, &t.Retries), s.tryUnserved(ctx, &t.Unserved), s.tryForwarded(ctx, &t.Forwarded))
	}
	for _, p := range visitors {
		r.Visitors = append(r.Visitors, p.report())
	}
	r.Missed()
	return t, err
}

// attackBy runs all attacks, from unlisted addresses.
func (s *scene) attackBy(ctx context.Context, r *result.Report) (err error) {
	s.progress("after: all 65,536 ports, by a patient attacker and by a single one")
	if r.Maps, err = s.maps(ctx, result.Patient, result.Single); err != nil {
		return err
	}
	s.progress("counting probes until the ban")
	if r.BanCounts, err = s.banCounts(ctx); err != nil {
		return err
	}
	err = network.InParallel(2, []func() error{
		func() (err error) { r.Attacks, err = s.attackAll(ctx, r.BanCounts); return err },
		func() error { return s.knockAll(ctx, r) },
	})
	if err != nil {
		return err
	}
	return s.guesses(ctx, r, "guesser-after", after)
}
