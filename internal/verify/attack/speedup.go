package attack

import (
	"context"
	"math"
	"time"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Some attacks take hours: a scan of one probe in some minutes, or a knock that
// comes too late. The rules that answer them count time in windows, so a copy of
// the profile with shorter windows is applied for them, and they are played as
// much faster as the windows are shorter. Only these numbers differ, and the
// report says how many times faster it was.

// gap is the least time between two probes of such a play: long enough that a
// machine under load keeps it well.
const gap = 120 * time.Millisecond

// The longest times of a door in a copy.
const (
	copiedStep = 2 * time.Second
	copiedOpen = 4 * time.Second
)

// hurry returns a copy of a profile by whose clock the time called every is no
// longer than gap, or as little longer as windows of whole seconds allow, which
// xt_recent counts in; and how many times faster that clock runs. The doors of
// the copy are as patient as a test can wait for.
func hurry(p *profile.Profile, every time.Duration) (*profile.Profile, float64) {
	fast, speed := *p, 1.0
	scan := &fast.Scan
	if every > 0 {
		scan.Window = min(scan.Window, seconds(float64(scan.Window)*float64(gap)/float64(every)))
		speed = float64(p.Scan.Window) / float64(scan.Window)
	}
	if scan.Slow.Count > 0 {
		scan.Slow.Window = max(scan.Window+time.Second, seconds(float64(scan.Slow.Window)/speed))
	}
	fast.Knocks = nil
	for _, k := range p.Knocks {
		k.Step, k.Open = min(k.Step, copiedStep), min(k.Open, copiedOpen)
		fast.Knocks = append(fast.Knocks, k)
	}
	return &fast, speed
}

// seconds rounds up to whole seconds, of which there is at least one.
func seconds(nanoseconds float64) time.Duration {
	return max(time.Second, time.Duration(math.Ceil(nanoseconds/float64(time.Second)))*time.Second)
}

// wait plays what takes long: each scan by a copy of the profile that is fast
// enough for it, and what doors do with time beside the last.
func (s *scene) wait(ctx context.Context, r *result.Report) error {
	paces := paces(s.Profile.Scan)
	if len(paces) == 0 && len(r.Doors) > 0 {
		paces = append(paces, 0)
	}
	for i, every := range paces {
		p, speed := hurry(s.Profile, every)
		if _, err := s.Apply(ctx, compiler.Build(s.Bundle.Manifest.Profile, p)); err != nil {
			return err
		}
		var jobs []func() error
		if every > 0 {
			jobs = s.slowScans(ctx, r, p.Scan, every, speed)
		}
		if i == len(paces)-1 {
			jobs = append(jobs, s.knockLate(ctx, r, p)...)
		}
		if err := network.InParallel(len(jobs), jobs); err != nil {
			return err
		}
	}
	return nil
}
