package attack

import (
	"context"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// slowScans makes the jobs that scan slowly over each family, against the windows
// of the copy that is applied.
func (s *scene) slowScans(ctx context.Context, r *result.Report, scan profile.Scan, every time.Duration, speed float64) (jobs []func() error) {
	first := len(r.SlowScans)
	for i, family := range network.Families {
		r.SlowScans = append(r.SlowScans, result.SlowScan{Family: family, Every: every, Speed: speed})
		jobs = append(jobs, func() error { return s.run(ctx, &r.SlowScans[first+i], scan) })
	}
	return jobs
}

// run does one slow scan. It goes on for a probe more than are due, since the
// kernel's clock ticks in milliseconds.
func (s *scene) run(ctx context.Context, t *result.SlowScan, scan profile.Scan) error {
	p, err := s.NewProber()
	if err != nil {
		return err
	}
	defer p.Close()
	var sent []time.Time
	from := s.Unlisted.Number(s.Unlisted.Next(), t.Family)
	t.Start = s.Now()
	for _, port := range s.Unserved("tcp", MostProbes) {
		probe := KindNamed("SYN").packet(from, netip.AddrPortFrom(network.Server(t.Family), port))
		if sent, err = sendNext(p, probe, sent, time.Duration(float64(t.Every)/t.Speed)); err != nil {
			return err
		}
		due := tooMany(scan, sent)
		is, err := s.settled(ctx, from, due)
		if err != nil {
			return err
		}
		if note(t, sent, is, due); is || t.Due > 0 && t.Sent > t.Due {
			break
		}
	}
	t.End = s.Now()
	return nil
}

// sendNext sends the next probe of a slow scan when its time has come. A late one
// delays those after it.
func sendNext(p *prober.Prober, probe prober.Packet, sent []time.Time, every time.Duration) ([]time.Time, error) {
	if n := len(sent); n > 0 {
		time.Sleep(time.Until(sent[n-1].Add(every)))
	}
	return append(sent, time.Now()), p.Send(probe)
}

// note takes over what happened until the last probe that was sent.
func note(t *result.SlowScan, sent []time.Time, banned, due bool) {
	t.Sent = len(sent)
	t.Lasted = time.Duration(float64(sent[len(sent)-1].Sub(sent[0])) * t.Speed)
	if banned {
		t.BannedAt = t.Sent
	}
	if due && t.Due == 0 {
		t.Due = t.Sent
	}
}
