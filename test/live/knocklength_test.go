package live

import (
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
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

var lengthVisits = []visit{
	{"two knocks", short, []int{22}},
	{"two knocks, backwards", []string{short[1], short[0]}, nil},
	{"the second of two", short[1:], nil},
	{"the first of two", short[:1], nil},
	{"eight knocks", long, []int{5432}},
	{"eight knocks, the last two swapped", slices.Concat(long[:6], []string{long[7], long[6]}), nil},
	{"the first seven of eight", long[:7], nil},
	{"the last seven of eight", long[1:], nil},
	{"seven of eight, without one between", slices.Concat(long[:3], long[4:]), nil},
	{"two and eight", slices.Concat(short, long), []int{22, 5432}},
}

// Doors of as few knocks as there may be, two, and of as many, eight, open for
// the whole sequence and for nothing less.
func TestKnockLengths(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newKnockNetwork(t, backend, lengths)
			for _, v := range lengthVisits {
				h.knocker(4).comes(t, v.name, v.by)
				h.knocker(6).comes(t, v.name, v.by)
			}
		})
	}
}
