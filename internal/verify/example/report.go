package example

import (
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Faultless is a report of the shop in which everything is as promised.
func Faultless() *result.Report {
	r := &result.Report{Services: []string{"tcp/80", "udp/53"}, Hidden: []string{"tcp/22"}}
	var tries []result.Attempt
	for _, family := range []int{4, 6} {
		r.Maps = append(r.Maps,
			result.Map{View: result.Before, Family: family, Open: []uint16{22, 80}, Counts: result.Counts{Open: 2, Closed: 65534}},
			result.Map{View: result.Patient, Family: family, Open: []uint16{80}, Counts: result.Counts{Open: 1, Silent: 65535}},
			result.Map{View: result.Single, Family: family, Open: []uint16{80}, BannedAt: 0.1, Counts: result.Counts{Open: 1, Silent: 65535}})
		for _, kind := range []string{"SYN", "FIN", "NULL", "XMAS", "SYN+FIN", "UDP"} {
			r.BanCounts = append(r.BanCounts, result.BanCount{Kind: kind, Family: family, Sent: 11, BannedAt: 11})
		}
		for _, stray := range []string{"ACK", "Maimon"} {
			r.BanCounts = append(r.BanCounts, result.BanCount{Kind: stray, Family: family, Sent: 15})
		}
		r.Attacks = append(r.Attacks,
			result.Attack{Name: "SYN", Family: family, Counts: result.Counts{Open: 1, Silent: 9}, OpenPorts: []string{"tcp/80"}},
			result.Attack{Name: "FIN", Family: family, Counts: result.Counts{Silent: 10}})
		r.SlowScans = append(r.SlowScans, result.SlowScan{Family: family, Every: 450 * time.Second, Speed: 3600, Sent: 23, BannedAt: 23, Due: 23, Lasted: 9900 * time.Second})
		r.Guesses = append(r.Guesses, result.Guess{Family: family, Before: "Linux", After: result.NoMatch})
		tries = append(tries, result.Attempt{Name: "no knock", Family: family}, result.Attempt{Name: "hardenctl knock", Family: family, Opens: true, Opened: true})
	}
	r.Doors = []result.Door{{Name: "back-door", Ports: []string{"tcp/8443"}, Attempts: tries}}
	r.Visitors = []result.Visitor{{Role: "client", Visits: 100, Slowest: time.Millisecond, Service: "tcp/80"}}
	return r
}

// Broken returns the names of the promises that did not hold.
func Broken(r *result.Report) (names []string) {
	for _, p := range r.Promises {
		if !p.Kept {
			names = append(names, p.Name)
		}
	}
	return names
}
