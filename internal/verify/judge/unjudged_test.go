package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/attack"
	"github.com/hardenctl/hardenctl/internal/verify/example"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// What was not tried, and what the profile does not promise, is said.
func TestUnjudged(t *testing.T) {
	tests := []struct {
		name      string
		change    []string // of the shop
		options   attack.Options
		slowScans []result.SlowScan
		doors     []result.Door
		says      string
		contains  string
	}{
		{"all was tried", nil, attack.Options{Nmap: true}, nil, nil, "", ""},
		{"no nmap", nil, attack.Options{}, nil, nil, "nmap -O", "install it"},
		{"quick", nil, attack.Options{Nmap: true, Quick: true}, nil, nil, "connect, NULL, XMAS", "quick"},
		{"a long slow window", []string{"probes = 20", "probes = 500"}, attack.Options{Nmap: true}, nil, nil, "slow window", "more than 100 probes"},
		{"a busy machine", nil, attack.Options{Nmap: true}, []result.SlowScan{{Every: 7 * time.Second, Family: 6}}, nil, "One probe in 7s bans, over IPv6", "try again"},
		{"a busy machine at a door", nil, attack.Options{Nmap: true}, nil, []result.Door{{Name: "front", Late: []int{4}}}, "The knock front opens its service if the knocks come in time, over IPv4", "try again"},
		{"bans that hide everything", []string{`"hidden"`, `"everything"`}, attack.Options{Nmap: true}, nil, nil, "a new client", `"hidden" promises`},
	}
	for _, test := range tests {
		p, _ := example.Read(t, strings.NewReplacer(test.change...).Replace(strings.Replace(example.Shop, `"everything"`, `"hidden"`, 1)))
		list := Unjudged(p, test.options, &result.Report{SlowScans: test.slowScans, Doors: test.doors})
		switch {
		case test.says == "" && len(list) > 0:
			t.Errorf("%s: not judged are %v", test.name, list)
		case test.says != "" && (len(list) != 1 || !strings.Contains(list[0].Says, test.says) || !strings.Contains(list[0].Why, test.contains)):
			t.Errorf("%s: not judged are %v", test.name, list)
		}
	}
}
