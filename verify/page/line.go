package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"hardenctl/verify"
)

// The geometry of the time line, in the units of its viewBox.
const (
	lineWidth  = 1000
	lineLeft   = 210 // where names end and time begins
	laneHeight = 17
	peopleLane = 44
	lineTop    = 30
)

// line is the time line: lanes of attacks, then of people.
type line struct {
	Width, Height, Left float64
	Live                float64 // x of the moment when the profile was live
	AxisY               float64
	Ticks               []tick
	Lanes               []lane
	People              []crowd
}

type tick struct {
	X     float64
	Label string
}

// lane is one attack: a bar for its time, and a mark where the ban fell.
type lane struct {
	Name           string
	Y, X, Width    float64
	Banned         bool
	BanX, Rest     float64 // where it fell, and how much of the bar is left
	Title, BanNote string
}

// crowd is the lane of one person: a bar for each visit, as long as it took.
type crowd struct {
	Name, Note string
	Y, Base    float64
	Good, Bad  string // SVG paths
}

func newLine(r *verify.Report) line {
	l := line{Width: lineWidth, Left: lineLeft}
	from, to := span(r)
	x := func(t float64) float64 { return lineLeft + (t-from)/(to-from)*(lineWidth-lineLeft-10) }
	l.Live = x(0)
	y := float64(lineTop)
	for _, m := range r.Maps {
		l.add(&y, x, fmt.Sprintf("all ports, %s, IPv%d", viewWords[m.View], m.Family), m.Start, m.End, m.BannedAt)
	}
	if n := len(r.Ladders); n > 0 {
		l.add(&y, x, "probes one by one", r.Ladders[0].Start, r.Ladders[n-1].End, 0)
	}
	for _, a := range r.Attacks {
		l.add(&y, x, fmt.Sprintf("%s, IPv%d", a.Name, a.Family), a.Start, a.End, a.BannedAt)
	}
	y += 8
	for _, p := range r.People {
		l.People = append(l.People, newCrowd(p, y, x))
		y += peopleLane
	}
	l.AxisY, l.Height = y+4, y+24
	for t := math.Ceil(from/5) * 5; t <= to; t += 5 {
		l.Ticks = append(l.Ticks, tick{x(t), fmt.Sprintf("%.0f s", t)})
	}
	return l
}

var viewWords = map[verify.View]string{verify.Before: "before", verify.Patient: "patient", verify.Single: "one address"}

// span is the time that the line shows.
func span(r *verify.Report) (from, to float64) {
	to = 1
	for _, m := range r.Maps {
		from, to = min(from, m.Start), max(to, m.End)
	}
	for _, a := range r.Attacks {
		to = max(to, a.End)
	}
	for _, p := range r.People {
		if n := len(p.Times); n > 0 {
			to = max(to, p.Times[n-1].At)
		}
	}
	return from, to
}

func (l *line) add(y *float64, x func(float64) float64, name string, start, end, ban float64) {
	n := lane{Name: name, Y: *y, X: x(start), Width: max(2, x(end)-x(start))}
	n.Title = fmt.Sprintf("%s: from %.1f s to %.1f s", name, start, end)
	if ban > 0 {
		n.Banned, n.BanX = true, max(x(ban), n.X)
		n.Rest = max(0, n.X+n.Width-n.BanX)
		n.BanNote = fmt.Sprintf("banned at %.2f s", ban)
	}
	l.Lanes = append(l.Lanes, n)
	*y += laneHeight
}

// newCrowd draws visits on a scale of powers of ten, from 0.1 ms to 2 s.
func newCrowd(p verify.Person, y float64, x func(float64) float64) crowd {
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
