package page

import (
	"fmt"
	"strings"

	"hardenctl/verify"
)

// side is the number of ports in a row of a map, and of rows.
const side = 256

// picture is one map as drawn: a square of 256 by 256 ports, port 0 at the top
// left, each row going on where the one above ended.
type picture struct {
	Title, Caption string
	Family6        string // what IPv6 showed
	Closed         string // an SVG path over the ports that answered "closed"
	Dots           []dot
	Counts         verify.Counts
}

// dot is an open port.
type dot struct {
	X, Y   float64
	Port   uint16
	Stated bool   // the profile says that everyone may see it
	Label  string // empty where there is no room for one
	LabelY float64
}

func pictures(r *verify.Report) []picture {
	var list []picture
	for _, p := range []struct {
		view           verify.View
		title, caption string
	}{
		{verify.Before, "Before", "No firewall. Every port answers, open or closed."},
		{verify.Patient, "After, a patient attacker", "A fresh address for each of 65,536 probes, so that no ban can help."},
		{verify.Single, "After, one scanner", banCaption(find(r, verify.Single, 4))},
	} {
		m := find(r, p.view, 4)
		list = append(list, picture{
			Title: p.title, Caption: p.caption, Counts: m.Counts, Closed: runs(m.Closed), Dots: dots(r, m),
			Family6: sixth(m, find(r, p.view, 6)),
		})
	}
	return list
}

func banCaption(m verify.Map) string {
	if m.BannedAt == 0 {
		return "All 65,536 probes from one address. It was not banned."
	}
	return fmt.Sprintf("All 65,536 probes from one address. The ban came after %.0f ms.", 1000*(m.BannedAt-m.Start))
}

// sixth says how IPv6 compares.
func sixth(four, six verify.Map) string {
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

// dots places the open ports, with labels where they do not touch each other.
func dots(r *verify.Report, m verify.Map) []dot {
	stated := map[string]bool{}
	for _, s := range r.Services {
		stated[s] = true
	}
	var list []dot
	for _, port := range m.Open {
		d := dot{X: float64(port%side) + 0.5, Y: float64(port/side) + 0.5, Port: port, Stated: stated[fmt.Sprintf("tcp/%d", port)]}
		d.LabelY = d.Y + 12
		if free(list, d) {
			d.Label = fmt.Sprint(port)
		}
		list = append(list, d)
	}
	return list
}

// free reports whether a label has room below its dot.
func free(list []dot, d dot) bool {
	for _, other := range list {
		near := abs(other.X-d.X) < 24
		if near && (other.Label != "" && abs(other.LabelY-d.LabelY) < 9 || other.Y > d.Y && other.Y < d.LabelY+4) {
			return false
		}
	}
	return true
}

func abs(x float64) float64 { return max(x, -x) }
