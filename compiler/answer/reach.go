package answer

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// ReachView is the JSON form of what reaches a host.
type ReachView struct {
	Open []OpenView `json:"open"`
	// More says that more is accepted than Open says.
	More bool `json:"more"`
}

// OpenView is one part of what a host accepts.
type OpenView struct {
	Family int `json:"family"`
	// Depends says on what it depends whether this reaches the host, such as "-j DNAT";
	// empty for what is accepted.
	Depends string `json:"depends,omitempty"`
	// Usual is false for what is accepted only in some states of sets and limits, such as
	// Conditions.
	Usual bool `json:"usual"`
	RegionView
	Conditions []string  `json:"conditions"`
	Rule       *RuleView `json:"rule"`
	// Unless are states in which it is refused; the conditions of each must all be true.
	Unless [][]string `json:"unless"`
}

// Port reads "tcp/22" or "22"; "" is any port.
func Port(text string) (protocol string, port uint16, err error) {
	if text == "" {
		return "", 0, nil
	}
	protocol, number, both := strings.Cut(text, "/")
	if !both {
		protocol, number = "", text
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 || protocol != "" && protocol != "tcp" && protocol != "udp" {
		return "", 0, fmt.Errorf(`%q is not a port; write "22", "tcp/22" or "udp/53"`, text)
	}
	return protocol, uint16(n), nil
}

// Reach says what reaches the host of a subject: from all sources, or from one. What is in
// the sets of a host at the moment is taken for what stays.
func (s *Subject) Reach(from, port string) (*ReachView, error) {
	protocol, number, err := Port(port)
	if err != nil {
		return nil, err
	}
	var source netip.Addr
	if from != "" {
		if source, err = netip.ParseAddr(from); err != nil || source.Zone() != "" {
			return nil, errors.New("--from needs an IP address, such as 192.0.2.7")
		}
	}
	s = s.frozen()
	v := &ReachView{Open: []OpenView{}}
	for _, family := range ruleset.Families {
		f := s.Firewalls[family]
		if f == nil || source.IsValid() && !family.Has(source) {
			continue
		}
		open, more, err := exact.ReachWithin(f, source, protocol, number, exact.MostSteps)
		if err != nil {
			return nil, fmt.Errorf("IPv%d: %w; ask for one port or one source: --port, --from", family, err)
		}
		v.More = v.More || more
		for _, o := range open {
			v.Open = append(v.Open, s.open(family, o))
		}
	}
	return v, nil
}

func (s *Subject) open(family ruleset.Family, o exact.Open) OpenView {
	say := speech{family, []*Subject{s}}
	v := OpenView{
		Family: int(family), Usual: o.Usual, RegionView: say.region(o.Region), Conditions: conditions(o.Conditions), Rule: s.rule(family, o.By),
		Unless: [][]string{},
	}
	if o.Depends.Kind != "" {
		v.Depends = o.Depends.With
	}
	for _, x := range o.Unless {
		v.Unless = append(v.Unless, x.Conditions)
	}
	return v
}

// Print writes what reaches a host for a person.
func (v *ReachView) Print(w io.Writer) error {
	var b strings.Builder
	if len(v.Open) == 0 {
		b.WriteString("Nothing of this reaches the host.\n")
	}
	for _, part := range []string{accepted, sometimes, undecided} {
		family := 0
		for _, o := range v.Open {
			if o.part() != part {
				continue
			}
			if o.Family != family {
				family = o.Family
				fmt.Fprintf(&b, "IPv%d, %s\n", family, part)
			}
			o.print(&b)
		}
	}
	if v.More {
		b.WriteString("\nMore than this is accepted.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// The parts of what Print writes.
const (
	accepted  = "accepted:"
	sometimes = "accepted only in some states of sets and limits:"
	undecided = "not decided by these rules:"
)

func (o OpenView) part() string {
	switch {
	case o.Depends != "":
		return undecided
	case o.Usual:
		return accepted
	}
	return sometimes
}

func (o OpenView) print(b *strings.Builder) {
	fmt.Fprintf(b, "  %s\n    %s\n", o.RegionView.text(false), o.Rule.at())
	if o.Depends != "" {
		fmt.Fprintf(b, "    depends on: %s\n", o.Depends)
	}
	if len(o.Conditions) > 0 {
		fmt.Fprintf(b, "    if: %s\n", strings.Join(o.Conditions, "; and "))
	}
	for _, conditions := range o.Unless {
		fmt.Fprintf(b, "    unless: %s\n", strings.Join(conditions, "; and "))
	}
}
