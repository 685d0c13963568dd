package meaning

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/exact"
)

// Listener is a socket at which a program waits for packets of others.
type Listener struct {
	Protocol string // "tcp" or "udp"
	Port     uint16
	// Address is that to which it is bound: unspecified for every one. An unspecified IPv6
	// address takes IPv4, too.
	Address netip.Addr
	Program string // its file's name; "" if it is unknown
}

// Loss is a program that fewer will reach.
type Loss struct {
	Family  int    `json:"family"`
	Port    string `json:"port"` // such as "tcp/9100"
	Program string `json:"program,omitempty"`
	// Sources and Interfaces say by whom it will be reached no more.
	Sources    string `json:"sources"`
	Interfaces string `json:"interfaces,omitempty"`
}

// String names the port and the program: "tcp/9100 (exporter)".
func (l Listener) String() string {
	if l.Program == "" {
		return l.port()
	}
	return l.port() + " (" + l.Program + ")"
}

func (l Listener) port() string { return fmt.Sprintf("%s/%d", l.Protocol, l.Port) }

// in reports whether packets to the socket are among those of a difference.
func (l Listener) in(d answer.DifferenceView) bool {
	return takes(l.Address, d.Family) && d.Has(l.Protocol, l.Port, l.Address)
}

// Closes reports whether some first packets to this host will be refused that are accepted
// now, if only in some states.
func (m *Meaning) Closes() bool {
	return slices.ContainsFunc(m.Differences, func(d answer.DifferenceView) bool {
		return d.Change == string(exact.NoLonger) && d.Hook == string(exact.Input) && d.First
	})
}

func closes(d answer.DifferenceView) bool {
	return d.Change == string(exact.NoLonger) && d.Hook == string(exact.Input) && d.First && d.Usual
}

// AddListeners says of each listener who will reach it no more.
func (m *Meaning) AddListeners(listeners []Listener) {
	for _, l := range listeners {
		for _, loss := range m.losses(l) {
			if !slices.Contains(m.Listeners, loss) {
				m.Listeners = append(m.Listeners, loss)
			}
		}
	}
	slices.SortFunc(m.Listeners, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Family, b.Family), cmp.Compare(a.Sources, b.Sources))
	})
}

func (m *Meaning) losses(l Listener) (all []Loss) {
	for _, d := range m.Differences {
		if closes(d) && l.in(d) {
			all = append(all, Loss{d.Family, l.port(), l.Program, d.Sources, d.Interfaces})
		}
	}
	return all
}

// takes reports whether a socket that is bound to an address takes packets of a family.
func takes(address netip.Addr, family int) bool {
	return address.Is4() == (family == 4) || address == netip.IPv6Unspecified()
}

// LostClients says who will reach which program no more, one a line; nil for none.
func (m *Meaning) LostClients() (lines []string) {
	families := map[string][]int{}
	var order []string
	for _, l := range m.Listeners {
		text := l.Port
		if l.Program != "" {
			text += " (" + l.Program + ")"
		}
		text += ": not reachable any more from " + l.Sources
		if l.Interfaces != "" {
			text += " by " + l.Interfaces
		}
		if families[text] == nil {
			order = append(order, text)
		}
		families[text] = append(families[text], l.Family)
	}
	for _, text := range order {
		if len(families[text]) == 1 {
			text += fmt.Sprintf(", over IPv%d", families[text][0])
		}
		lines = append(lines, text)
	}
	return lines
}
