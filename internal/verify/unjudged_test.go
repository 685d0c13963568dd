package verify

import (
	"strings"
	"testing"
	"time"
)

// What was not tried, and what the profile does not promise, is said.
func TestUnjudged(t *testing.T) {
	tests := []struct {
		name      string
		change    []string // of the shop
		options   Options
		slowScans []SlowScan
		doors     []Door
		says      string
		contains  string
	}{
		{"all was tried", nil, Options{Nmap: true}, nil, nil, "", ""},
		{"no nmap", nil, Options{}, nil, nil, "nmap -O", "install it"},
		{"quick", nil, Options{Nmap: true, Quick: true}, nil, nil, "connect, NULL, XMAS", "quick"},
		{"a long slow window", []string{"probes = 20", "probes = 500"}, Options{Nmap: true}, nil, nil, "slow window", "more than 100 probes"},
		{"a busy machine", nil, Options{Nmap: true}, []SlowScan{{Every: 7 * time.Second, Family: 6}}, nil, "One probe in 7s bans, over IPv6", "try again"},
		{"a busy machine at a door", nil, Options{Nmap: true}, nil, []Door{{Name: "front", Late: []int{4}}}, "The knock front opens its service if the knocks come in time, over IPv4", "try again"},
		{"bans that hide everything", []string{`"hidden"`, `"everything"`}, Options{Nmap: true}, nil, nil, "a new client", `"hidden" promises`},
	}
	for _, test := range tests {
		p, _ := read(t, strings.NewReplacer(test.change...).Replace(strings.Replace(shop, `"everything"`, `"hidden"`, 1)))
		s := &scene{profile: p, options: test.options}
		list := s.unjudged(&Report{SlowScans: test.slowScans, Doors: test.doors})
		switch {
		case test.says == "" && len(list) > 0:
			t.Errorf("%s: not judged are %v", test.name, list)
		case test.says != "" && (len(list) != 1 || !strings.Contains(list[0].Says, test.says) || !strings.Contains(list[0].Why, test.contains)):
			t.Errorf("%s: not judged are %v", test.name, list)
		}
	}
}

// An answer of any kind gives a host away.
func TestReadDiscovery(t *testing.T) {
	for report, want := range map[string]string{
		`<nmaprun><host><status state="up" reason="syn-ack"/></host></nmaprun>`:       "syn-ack",
		`<nmaprun><host><status state="down" reason="no-response"/></host></nmaprun>`: "",
		`<nmaprun><runstats/></nmaprun>`:                                              "",
	} {
		if got, err := readDiscovery([]byte(report)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", report, got, err, want)
		}
	}
	if _, err := readDiscovery([]byte("no XML")); err == nil {
		t.Error("text that is no report was read")
	}
}
