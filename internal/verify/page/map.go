package page

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// side is the number of ports in a row of a map, and of rows.
const side = 256

// picture is one map as drawn: a square of 256 by 256 ports, port 0 at the top
// left, each row going on where the one above ended.
type picture struct {
	ID             result.View
	Title, Caption string
	Family6        string // what IPv6 showed
	Closed         string // an SVG path over the ports that answered "closed"
	Dots           []dot
	// The first 1,024 ports once more, magnified: each a cell of a strip.
	StripClosed, StripOpen, StripStated string
	Counts                              result.Counts
}

// dot is an open port.
type dot struct {
	X, Y   float64
	Port   uint16
	Stated bool   // the profile says that everyone may see it
	Label  string // empty where there is no room for one
	LabelY float64
}

func pictures(r *result.Report) []picture {
	var list []picture
	for _, p := range []struct {
		view           result.View
		title, caption string
	}{
		{result.Before, "Before", "No firewall. Every port answers, open or closed."},
		{result.Patient, "After, a patient attacker", "A fresh address for each of 65,536 probes, so that no ban can help."},
		{result.Single, "After, one scanner", banCaption(find(r, result.Single, 4))},
	} {
		m := find(r, p.view, 4)
		drawn := picture{
			ID: p.view, Title: p.title, Caption: p.caption, Counts: m.Counts, Closed: runs(m.Closed), Dots: dots(r, m),
			Family6: sixth(m, find(r, p.view, 6)),
		}
		drawn.strip(m)
		list = append(list, drawn)
	}
	return list
}

// The strip has 64 cells in each of its 16 rows; a cell is 4 units wide.
const (
	stripPorts = 1024
	stripCells = 64
	cell       = 4
)

// strip draws the well-known ports, those below 1,024 (RFC 6335).
func (p *picture) strip(m result.Map) {
	var closed, open, stated strings.Builder
	for _, r := range m.Closed {
		for port := int(r[0]); port <= int(r[1]) && port < stripPorts; port++ {
			drawCell(&closed, port)
		}
	}
	for _, d := range p.Dots {
		switch {
		case d.Port >= stripPorts:
		case d.Stated:
			drawCell(&stated, int(d.Port))
		default:
			drawCell(&open, int(d.Port))
		}
	}
	p.StripClosed, p.StripOpen, p.StripStated = closed.String(), open.String(), stated.String()
}

func drawCell(path *strings.Builder, port int) {
	const gap = 0.6
	fmt.Fprintf(path, "M%.1f %.1fh%.1fv%.1fh-%.1fz",
		float64(port%stripCells*cell)+gap/2, float64(port/stripCells*cell)+gap/2, cell-gap, cell-gap, cell-gap)
}

func banCaption(m result.Map) string {
	if m.BannedAt == 0 {
		return "All 65,536 probes from one address. It was not banned."
	}
	return fmt.Sprintf("All 65,536 probes from one address. The ban came after %.0f ms.", 1000*(m.BannedAt-m.Start))
}

// sixth says how IPv6 compares.
func sixth(four, six result.Map) string {
	if four.Counts == six.Counts {
		return "IPv6: the same."
	}
	return fmt.Sprintf("IPv6: %s open, %s closed.", thousands(six.Counts.Open), thousands(six.Counts.Closed))
}

// runs returns a path of one rectangle for each row, or part of one, that the
// ranges cover; whole rows next to each other become one.
func runs(ranges [][2]uint16) string {
	var path strings.Builder
	for _, r := range ranges {
		for first, last := int(r[0]), int(r[1]); first <= last; {
			end := min(last, first|(side-1))
			rows := 1
			if first%side == 0 && last-first >= side-1 {
				rows = (last - first + 1) / side
				end = first + rows*side - 1
			}
			width := min(end-first+1, side)
			fmt.Fprintf(&path, "M%d %dh%dv%dh-%dz", first%side, first/side, width, rows, width)
			first = end + 1
		}
	}
	return path.String()
}

// dots places the open ports, and labels below or above those that have room.
func dots(r *result.Report, m result.Map) []dot {
	stated := map[string]bool{}
	for _, s := range r.Services {
		stated[s] = true
	}
	var list []dot
	for _, port := range m.Open {
		list = append(list, dot{
			X: float64(port%side) + 0.5, Y: float64(port/side) + 0.5,
			Port: port, Stated: stated[fmt.Sprintf("tcp/%d", port)],
		})
	}
	for i := range list {
		for _, off := range []float64{11.5, -5.5} {
			if hasRoom(list, i, list[i].Y+off) {
				list[i].Label, list[i].LabelY = fmt.Sprint(list[i].Port), list[i].Y+off
				break
			}
		}
	}
	return list
}

// hasRoom reports whether the label of a dot touches no other dot or label with
// its base line at y. A digit is 5 units wide, a label 8 high.
func hasRoom(list []dot, i int, y float64) bool {
	half := func(d dot) float64 { return 2.5 * float64(len(fmt.Sprint(d.Port))) }
	for j, other := range list {
		across := abs(other.X - list[i].X)
		onDot := across < half(list[i])+4 && abs(other.Y-(y-3)) < 7
		onLabel := other.Label != "" && across < half(list[i])+half(other)+2 && abs(other.LabelY-y) < 9
		if j != i && (onDot || onLabel) {
			return false
		}
	}
	return y > 0
}

func abs(x float64) float64 { return max(x, -x) }
