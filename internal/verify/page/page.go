// Package page writes a report of verify as one page of HTML: the map of all
// ports before and after, a time line with the bans on it, the attacks, what
// legitimate clients noticed, and the promises.
//
// The page is one file. It loads nothing, runs nothing, follows the reader's
// light or dark theme, and prints.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

//go:embed page.html
var text string

// layout is read when a page is written: each command would read it.
var layout = sync.OnceValue(newLayout)

// newLayout reads the page, with the words that the picture needs too.
func newLayout() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"thousands": thousands,
		"brief":     brief,
		"times":     func(n float64) string { return thousands(int(n + 0.5)) },
		"join":      func(words []string) string { return strings.Join(words, ", ") },
	}).Parse(text))
}

// Write returns the page of a report.
func Write(r *result.Report) ([]byte, error) {
	var page bytes.Buffer
	if err := layout().Execute(&page, newView(r)); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return page.Bytes(), nil
}

// view is what the page shows of a report.
type view struct {
	*result.Report
	KeptCount int
	Figures   []figure
	Pictures  []picture
	Line      line
	Patient   [][]result.SlowScan // those of one pace together
}

// figure is one of the large numbers at the top.
type figure struct{ Before, After, Label string }

func newView(r *result.Report) view {
	v := view{Report: r, Pictures: pictures(r), Line: newLine(r), Figures: figures(r), Patient: scansByPace(r)}
	for _, p := range r.Promises {
		if p.Kept {
			v.KeptCount++
		}
	}
	return v
}

func find(r *result.Report, view result.View, family int) result.Map {
	for _, m := range r.Maps {
		if m.View == view && m.Family == family {
			return m
		}
	}
	return result.Map{}
}

func figures(r *result.Report) []figure {
	before, after := find(r, result.Before, 4), find(r, result.Patient, 4)
	failed, visits := 0, 0
	for _, p := range r.Visitors {
		failed, visits = failed+p.Failures, visits+p.Visits
	}
	list := []figure{
		{thousands(before.Counts.Open), thousands(after.Counts.Open), "open TCP ports that an attacker finds"},
		{thousands(before.Counts.Closed), thousands(after.Counts.Closed), "more ports that give the host away"},
	}
	if probe := latestBan(r); probe > 0 {
		list = append(list, figure{"never", strconv.Itoa(probe), "probes until the kernel bans a scanner"})
	}
	if visits > 0 {
		list = append(list, figure{"", fmt.Sprintf("%d of %s", failed, thousands(visits)), "visits of legitimate clients that failed meanwhile"})
	}
	return list
}

// latestBan returns the probe by which every source that was banned was.
func latestBan(r *result.Report) int {
	last := 0
	for _, l := range r.BanCounts {
		last = max(last, l.BannedAt)
	}
	return last
}

// thousands writes 65536 as "65,536".
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// brief writes a duration in milliseconds.
func brief(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
