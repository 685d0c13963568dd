package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// The geometry of the time line, in the units of its viewBox. A lane has a bar
// for IPv4 above one for IPv6.
const (
	lineWidth  = 1000
	lineLeft   = 190 // where names end and time begins
	lineRight  = 24
	laneHeight = 20
	barHeight  = 7
	peopleLane = 44
	lineTop    = 30
)

// line is the time line: lanes of attacks, then of visitors.
type line struct {
	Width, Height, Left float64
	Live                float64 // x of the moment when the profile was live
	Hurried             float64 // and of that when its clock went faster; 0 if it never did
	AxisY               float64
	Ticks               []tick
	Lanes               []lane
	Visitors            []crowd
	x                   func(seconds float64) float64
}

type tick struct {
	X     float64
	Label string
}

// lane is one kind of attack.
type lane struct {
	Name string
	Y    float64
	Bars []bar
}

// bar is the time of an attack over one family, with a mark where the ban fell,
// or of a knock, which may have opened a door.
type bar struct {
	X, Y, Width, Height float64
	Opened, Banned      bool
	BanX, Rest          float64 // where the ban fell, and how much of the bar is left
	Title, BanNote      string
}

// stretch is a time that becomes a bar.
type stretch struct {
	family          int
	start, end, ban float64 // in seconds; no ban is 0
	opened          bool
	note            string
}

// crowd is the lane of one visitor: a bar for each visit, as long as it took.
type crowd struct {
	Name, Note string
	Y, Base    float64
	Good, Bad  string // SVG paths
}

func newLine(r *result.Report) line {
	from, to := span(r)
	l := line{Width: lineWidth, Left: lineLeft}
	l.x = func(t float64) float64 { return lineLeft + (t-from)/(to-from)*(lineWidth-lineLeft-lineRight) }
	l.Live = l.x(0)
	if len(r.SlowScans) > 0 {
		l.Hurried = l.x(r.SlowScans[0].Start)
	}
	l.addScans(r)
	l.addPatience(r)
	y := float64(lineTop + laneHeight*len(l.Lanes) + 8)
	for _, p := range r.Visitors {
		l.Visitors = append(l.Visitors, newCrowd(p, y, l.x))
		y += peopleLane
	}
	l.AxisY, l.Height = y+4, y+24
	for t := math.Ceil(from/5) * 5; t <= to; t += 5 {
		l.Ticks = append(l.Ticks, tick{l.x(t), fmt.Sprintf("%.0f s", t)})
	}
	return l
}

var viewWords = map[result.View]string{result.Before: "before", result.Patient: "patient", result.Single: "one address"}

// addScans adds the lanes of what scanners do: maps, counts of probes, and attacks.
func (l *line) addScans(r *result.Report) {
	for _, view := range []result.View{result.Before, result.Patient, result.Single} {
		var list []stretch
		for _, m := range r.Maps {
			if m.View == view {
				list = append(list, stretch{family: m.Family, start: m.Start, end: m.End, ban: m.BannedAt})
			}
		}
		l.add("all ports, "+viewWords[view], list)
	}
	var banCounts []stretch
	for _, count := range r.BanCounts {
		banCounts = append(banCounts, stretch{family: count.Family, start: count.Start, end: count.End, note: count.Kind})
	}
	l.add("probes one by one", banCounts)
	for _, both := range r.ByName() {
		var list []stretch
		for _, a := range []*result.Attack{both.V4, both.V6} {
			if a != nil {
				list = append(list, stretch{family: a.Family, start: a.Start, end: a.End, ban: a.BannedAt})
			}
		}
		l.add(both.First().Name, list)
	}
}

// addPatience adds the lanes of knocks, and of scans that wait, whose last probe
// is the one that bans.
func (l *line) addPatience(r *result.Report) {
	for _, d := range r.Doors {
		var list []stretch
		for _, t := range d.Attempts {
			list = append(list, stretch{family: t.Family, start: t.Start, end: t.End, opened: t.Opened, note: t.Name})
		}
		l.add("knocks at "+d.Name, list)
	}
	for _, both := range scansByPace(r) {
		var list []stretch
		for _, t := range both {
			s := stretch{family: t.Family, start: t.Start, end: t.End}
			if t.BannedAt > 0 {
				s.ban = t.End
			}
			list = append(list, s)
		}
		l.add("one probe in "+both[0].Pace(), list)
	}
}

// scansByPace joins the slow scans of one pace, of which there is one at least.
func scansByPace(r *result.Report) (list [][]result.SlowScan) {
	for _, t := range r.SlowScans {
		if n := len(list); n > 0 && list[n-1][0].Every == t.Every {
			list[n-1] = append(list[n-1], t)
		} else {
			list = append(list, []result.SlowScan{t})
		}
	}
	return list
}

// span is the time that the line shows.
func span(r *result.Report) (from, to float64) {
	to = 1
	include := func(start, end float64) { from, to = min(from, start), max(to, end) }
	for _, m := range r.Maps {
		include(m.Start, m.End)
	}
	for _, a := range r.Attacks {
		include(a.Start, a.End)
	}
	for _, t := range r.SlowScans {
		include(t.Start, t.End)
	}
	for _, d := range r.Doors {
		for _, t := range d.Attempts {
			include(t.Start, t.End)
		}
	}
	for _, p := range r.Visitors {
		if n := len(p.Times); n > 0 {
			include(0, p.Times[n-1].At)
		}
	}
	return from, to
}

// add adds a lane, if anything happened on it.
func (l *line) add(name string, list []stretch) {
	if len(list) == 0 {
		return
	}
	n := lane{Name: name, Y: float64(lineTop + laneHeight*len(l.Lanes))}
	for _, s := range list {
		n.Bars = append(n.Bars, l.bar(name, n.Y, s))
	}
	l.Lanes = append(l.Lanes, n)
}

func (l *line) bar(name string, y float64, s stretch) bar {
	if s.note != "" {
		name += ", " + s.note
	}
	b := bar{X: l.x(s.start), Y: y + 1, Height: barHeight, Opened: s.opened}
	b.Width = max(2, l.x(s.end)-b.X)
	if s.family == 6 {
		b.Y += barHeight + 1
	}
	b.Title = fmt.Sprintf("%s, IPv%d: from %.1f s to %.1f s", name, s.family, s.start, s.end)
	if s.ban > 0 {
		b.Banned, b.BanX = true, max(l.x(s.ban), b.X)
		b.Rest = max(0, b.X+b.Width-b.BanX)
		b.BanNote = fmt.Sprintf("IPv%d: banned at %.2f s", s.family, s.ban)
	}
	return b
}

// newCrowd draws visits on a scale of powers of ten, from 0.1 ms to 2 s.
func newCrowd(p result.Visitor, y float64, x func(float64) float64) crowd {
	c := crowd{Name: p.Role, Y: y, Base: y + peopleLane - 10}
	c.Note = fmt.Sprintf("%s visits, %d failed", thousands(p.Visits), p.Failures)
	var good, bad strings.Builder
	for _, v := range p.Times {
		path := &good
		if v.Failed {
			path = &bad
		}
		ms := float64(v.Took) / float64(time.Millisecond)
		height := (peopleLane - 14) * min(1, max(0.05, math.Log10(ms/0.1)/math.Log10(20000)))
		fmt.Fprintf(path, "M%.1f %.1fv-%.1f", x(v.At), c.Base, height)
	}
	c.Good, c.Bad = good.String(), bad.String()
	return c
}
