package knock

import (
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
)

// lengths is a server with the shortest door that there may be, and the
// longest. Both mix TCP and UDP.
const lengths = `version = 1

[services.http]
ports = ["tcp/80"]

[services.ssh]
ports = ["tcp/22"]
knock = "short"

[services.database]
ports = ["tcp/5432"]
knock = "long"

[knocks.short]
sequence = ["udp/7000", "tcp/7001"]
step = "30s"
open = "1m"

[knocks.long]
sequence = ["tcp/3001", "udp/3002", "udp/3003", "tcp/3004", "udp/3005", "tcp/3006", "tcp/3007", "udp/3008"]
step = "30s"
open = "1m"

[scan]
probes = 12
scope = "everything"
stealth = true
`

// short and long are the sequences of these doors.
var (
	short = []string{"udp/7000", "tcp/7001"}
	long  = []string{"tcp/3001", "udp/3002", "udp/3003", "tcp/3004", "udp/3005", "tcp/3006", "tcp/3007", "udp/3008"}
)

var lengthVisits = []knocking.Visit{
	{Name: "two knocks", Sends: short, Want: []int{22}},
	{Name: "two knocks, backwards", Sends: []string{short[1], short[0]}, Want: nil},
	{Name: "the second of two", Sends: short[1:], Want: nil},
	{Name: "the first of two", Sends: short[:1], Want: nil},
	{Name: "eight knocks", Sends: long, Want: []int{5432}},
	{Name: "eight knocks, the last two swapped", Sends: slices.Concat(long[:6], []string{long[7], long[6]}), Want: nil},
	{Name: "the first seven of eight", Sends: long[:7], Want: nil},
	{Name: "the last seven of eight", Sends: long[1:], Want: nil},
	{Name: "seven of eight, without one between", Sends: slices.Concat(long[:3], long[4:]), Want: nil},
	{Name: "two and eight", Sends: slices.Concat(short, long), Want: []int{22, 5432}},
}

// Doors of as few knocks as there may be, two, and of as many, eight, open for
// the whole sequence and for nothing less.
func TestKnockLengths(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, lengths)
			for _, v := range lengthVisits {
				h.Knocker(4).Comes(t, v.Name, v.By)
				h.Knocker(6).Comes(t, v.Name, v.By)
			}
		})
	}
}
