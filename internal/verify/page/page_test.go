package page

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// sample is a report with something of everything.
func sample() *result.Report {
	visits := []result.Visit{{At: 0.1, Took: time.Millisecond}, {At: 0.2, Took: 2 * time.Second, Failed: true}}
	r := &result.Report{
		Profile: "shop.toml", Description: "A <shop>", Backend: "nft", Scanner: "nmap", Seconds: 41.4,
		Services: []string{"tcp/80", "tcp/443"}, Hidden: []string{"tcp/22"},
		Visitors: []result.Visitor{{Role: "client", Address: "198.19.0.2", Service: "tcp/443", Visits: 1234, Failures: 1, Median: 700 * time.Microsecond, Slowest: 45 * time.Millisecond, Times: visits}},
		Promises: []result.Promise{
			{Name: "stated-only", Says: "Only the stated is open", Kept: true, Seen: "24 hidden"},
			{Name: "client-unhurt", Says: "The client is not hurt", Seen: "1 of 1234 failed"},
		},
	}
	var tries []result.Attempt
	for _, family := range []int{4, 6} {
		r.Maps = append(r.Maps,
			result.Map{View: result.Before, Family: family, Start: -4, End: -2, Open: []uint16{22, 80, 443, 47808}, Closed: [][2]uint16{{0, 21}, {23, 79}, {81, 442}, {444, 47807}, {47809, 65535}}, Counts: result.Counts{Open: 4, Closed: 65532}},
			result.Map{View: result.Patient, Family: family, Start: 0, End: 3, Open: []uint16{80, 443}, Counts: result.Counts{Open: 2, Silent: 65534}},
			result.Map{View: result.Single, Family: family, Start: 3, End: 6, BannedAt: 3.012, Open: []uint16{80, 443}, Counts: result.Counts{Open: 2, Silent: 65534}})
		r.BanCounts = append(r.BanCounts, result.BanCount{Kind: "SYN", Family: family, BannedAt: 11, Sent: 11, Start: 6, End: 7})
		r.Guesses = append(r.Guesses, result.Guess{Family: family, Before: "Linux 6 (96 %)", After: "no match"})
		r.SlowScans = append(r.SlowScans, result.SlowScan{Family: family, Every: 450 * time.Second, Lasted: 9960 * time.Second, Speed: 3600, Sent: 23, BannedAt: 23, Start: 10, End: 13})
		tries = append(tries, result.Attempt{Name: "no knock", Family: family, Start: 9, End: 9.2},
			result.Attempt{Name: "hardenctl knock", Family: family, Opens: true, Opened: true, Start: 9.2, End: 9.5},
			result.Attempt{Name: "a knock too late", Family: family, Opened: family == 6, Start: 11, End: 12})
		r.Attacks = append(r.Attacks, result.Attack{Name: "SYN", Tool: "nmap -sS", Family: family, Ports: 106, Counts: result.Counts{Open: 2, Silent: 104}, Start: 7, End: 9, BannedAt: 7.5, BanProbe: 11})
	}
	r.Doors = []result.Door{{Name: "front-door", Ports: []string{"tcp/22"}, Attempts: tries, Step: 2 * time.Second, Open: 4 * time.Second}}
	r.Unjudged = []result.Unjudged{{Says: "What nmap tells", Why: "there is none"}}
	return r
}

func written(t *testing.T, r *result.Report) string {
	t.Helper()
	text, err := Write(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page is one file: nothing in it makes a browser load anything, or run
// anything.
func TestSelfContained(t *testing.T) {
	page := written(t, sample())
	for _, outside := range []string{`https?:`, `\bsrc\s*=`, `\bhref\s*=`, `@import`, `<link`, `<script`, `<iframe`, `url\([^#]`, `srcset`} {
		if found := regexp.MustCompile(outside).FindString(page); found != "" {
			t.Errorf("the page holds %q", found)
		}
	}
	for _, theme := range []string{"prefers-color-scheme: dark", "@media print"} {
		if !strings.Contains(page, theme) {
			t.Errorf("the page lacks %q", theme)
		}
	}
}

// Every number that a reader looks for is on the page.
func TestNumbers(t *testing.T) {
	page := written(t, sample())
	for _, want := range []string{
		"1 of 2 promises kept", "A &lt;shop&gt;", "tcp/80, tcp/443",
		"4 open · 65,532 closed · 0 silent", "2 open · 0 closed · 65,534 silent", "The ban came after 12 ms.", "IPv6: the same.",
		"<s>never</s><i>→</i>11", "1 of 1,234", "<code>nmap -sS</code>", `<td class="n">106</td>`, "0.7 ms", "45 ms",
		"one in 7m30s", "played 3,600 times as fast", "23<span class=\"quiet\">, after 2h46m", "said “Linux 6 (96 %)” before, and “no match” after",
		"front-door <span", `<span class="well">open</span>`, `<span class="alarm">open!</span>`, "with 2s between two knocks", "IPv6: banned at 13.00 s",
		"knocks at front-door, no knock, IPv4", "faster clock", "What nmap tells", "there is none",
		"tcp/47808 is open", "tcp/443 is open, as the profile says", "banned at 7.50 s", "1,234 visits, 1 failed",
		"The client is not hurt: broken", "1 of 1234 failed", "41 seconds",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// All that is open is closed again, and no number is missing or infinite.
func TestWellFormed(t *testing.T) {
	for name, r := range map[string]*result.Report{"a report": sample(), "an empty report": {}} {
		page := written(t, r)
		if found := regexp.MustCompile(`NaN|Inf|%!|ZgotmplZ`).FindString(page); found != "" {
			t.Errorf("%s: the page holds %q", name, found)
		}
		for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
			d := xml.NewDecoder(strings.NewReader(svg))
			var err error
			for err == nil {
				_, err = d.Token()
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v in %.200s", name, err, svg)
			}
		}
	}
}

// A range becomes rectangles: the rest of a row, whole rows as one, the
// beginning of a row.
func TestRuns(t *testing.T) {
	tests := []struct {
		ranges [][2]uint16
		want   string
	}{
		{nil, ""},
		{[][2]uint16{{0, 65535}}, "M0 0h256v256h-256z"},
		{[][2]uint16{{5, 5}}, "M5 0h1v1h-1z"},
		{[][2]uint16{{250, 770}}, "M250 0h6v1h-6zM0 1h256v2h-256zM0 3h3v1h-3z"},
	}
	for _, test := range tests {
		if got := runs(test.ranges); got != test.want {
			t.Errorf("%v: %s, want %s", test.ranges, got, test.want)
		}
	}
}

// Labels never cover a dot or each other.
func TestLabels(t *testing.T) {
	m := result.Map{Open: []uint16{
		21, 22, 23, 25, 80, 111, 139, 443, 445, 1433, 2375, 3306, 3389, 5432, 5900, 6379, 8080, 9200, 11211, 27017, 47808}}
	list := dots(&result.Report{}, m)
	shown := slices.DeleteFunc(slices.Clone(list), func(d dot) bool { return d.Label == "" })
	if len(shown) < 10 {
		t.Errorf("only %d of %d ports have a label", len(shown), len(list))
	}
	for i, d := range shown {
		left, right := d.X-2.5*float64(len(d.Label)), d.X+2.5*float64(len(d.Label))
		for j, other := range shown {
			width := 2.5 * float64(len(other.Label))
			if i != j && other.X+width > left && other.X-width < right && abs(other.LabelY-d.LabelY) < 8 {
				t.Errorf("the labels of ports %d and %d overlap", d.Port, other.Port)
			}
		}
		for _, other := range list {
			if other.Port != d.Port && other.X > left-3 && other.X < right+3 && other.Y > d.LabelY-8 && other.Y < d.LabelY {
				t.Errorf("the label of port %d covers port %d", d.Port, other.Port)
			}
		}
	}
	if one := dots(&result.Report{}, result.Map{Open: []uint16{443}}); one[0].Label != "443" {
		t.Errorf("a port by itself has the label %q", one[0].Label)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 65536: "65,536", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
