package profile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Knock is [knocks.NAME]: ports that a source must send a packet to, one after
// the other, before the services that ask for this knock are open to it.
type Knock struct {
	Name     string
	Position diag.Position
	// Sequence holds 2 to 8 single ports, no two neighbours alike.
	Sequence []Port
	Step     time.Duration // the most between two knocks; 10 s where not stated
	Open     time.Duration // how long the door is open; 30 s where not stated
}

// Named is the name of a table of the profile, with the place where it is
// named. The zero value names none.
type Named struct {
	Position diag.Position
	Name     string
}

// The bounds of [knocks.NAME].
const (
	minKnocks = 2
	maxKnocks = 8
	// maxDoors bounds what every unserved packet passes, and the memory of the
	// sets: up to 2 MB a door.
	maxDoors = 16

	defaultStep = 10 * time.Second
	maxStep     = time.Hour
	defaultOpen = 30 * time.Second
	maxOpen     = 24 * time.Hour
)

// knowKnocks notes the names that a service may ask for, from the tree, so
// that a knock that is broken is not unknown too.
func (d *decoder) knowKnocks(root *node) {
	d.knocks, d.knocksPartial = nil, root.partial
	if knocks := root.child("knocks"); knocks != nil {
		d.knocks = d.thoseOn(knocks)
		d.knocksPartial = d.knocksPartial || knocks.partial
	}
}

// doors reads [knocks].
func (d *decoder) doors(n *node) {
	if len(n.children) > maxDoors {
		d.errorf("too-many", n, "has more than %d entries", maxDoors)
		return
	}
	d.named(n, "knock", d.knock)
}

// knock reads [knocks.NAME].
func (d *decoder) knock(n *node) {
	k := Knock{Name: n.name, Position: n.key, Step: defaultStep, Open: defaultOpen}
	d.remarkable(n, fields{
		"sequence": d.sequence(&k.Sequence),
		"step":     d.duration(&k.Step, time.Second, maxStep),
		"open":     d.duration(&k.Open, time.Second, maxOpen),
	})
	if n.child("sequence") == nil && !n.partial {
		d.add(&flaw{
			Code: "no-sequence", Message: "states no sequence", Suggestion: d.meant(n, "sequence", "add "+exampleSequence),
		}, n.key, n.path)
	}
	d.profile.Knocks = append(d.profile.Knocks, k)
}

const exampleSequence = `sequence = ["tcp/7000", "udp/8000", "tcp/9000"] with numbers of your own`

// sequence reads the ports of a knock. A port may be in it twice, though
// not twice in a row.
func (d *decoder) sequence(to *[]Port) reader {
	return reader{fmt.Sprintf("a list of %d to %d ports", minKnocks, maxKnocks), nil, func(n *node) {
		if isEdit(n) {
			start(n, d.list)
		}
		if !d.want(n, kindArray, `a list of ports such as ["tcp/7000", "udp/8000", "tcp/9000"]`) {
			return
		}
		if flaw := checkLength(len(n.children)); flaw != nil {
			d.add(flaw, n.value, n.path)
		}
		for _, element := range n.children {
			if !d.want(element, kindString, "text") {
				continue
			}
			port, flaw := parseKnock(element.scalar.(string), *to)
			if flaw != nil {
				d.add(flaw, element.value, element.path)
				continue
			}
			port.Position = element.value
			*to = append(*to, port)
		}
	}}
}

// ParseSequence reads a sequence of knocks as [knocks.NAME] does, from texts
// such as "tcp/7000". The ports carry no positions.
func ParseSequence(texts []string) ([]Port, error) {
	var ports []Port
	for _, text := range texts {
		port, flaw := parseKnock(text, ports)
		if flaw != nil {
			return nil, flaw.asError()
		}
		ports = append(ports, port)
	}
	if flaw := checkLength(len(texts)); flaw != nil {
		return nil, fmt.Errorf("the sequence %s", flaw.Message)
	}
	return ports, nil
}

func checkLength(n int) *flaw {
	if n >= minKnocks && n <= maxKnocks {
		return nil
	}
	return &flaw{
		Code:    "bad-sequence",
		Message: fmt.Sprintf("has a length of %d, which is not from %d to %d", n, minKnocks, maxKnocks),
	}
}

// parseKnock reads the port that follows earlier ones in a sequence.
func parseKnock(text string, earlier []Port) (Port, *flaw) {
	port, flaw := parsePort(text, TCP, UDP)
	switch {
	case flaw != nil:
		return Port{}, flaw
	case port.First != port.Last:
		return Port{}, badPort(text, "is a range, and a knock is one port", "")
	case len(earlier) > 0 && earlier[len(earlier)-1].String() == port.String():
		return Port{}, badPort(text, "is listed twice in a row: a packet that is sent again would count as the second knock", "")
	}
	return port, nil
}

func (f *flaw) asError() error {
	if f.Suggestion == "" {
		return fmt.Errorf("%s", f.Message)
	}
	return fmt.Errorf("%s; %s", f.Message, f.Suggestion)
}

// knockName reads the knock that a service asks for.
func (d *decoder) knockName(to *Named) reader {
	return reader{"the name of a knock", nil, func(n *node) {
		if !d.want(n, kindString, "the name of a knock") {
			return
		}
		name := n.scalar.(string)
		if !slices.Contains(d.knocks, name) && !d.knocksPartial {
			d.unknownKnock(n, name)
			return
		}
		*to = Named{Position: n.value, Name: name}
	}}
}

func (d *decoder) unknownKnock(n *node, name string) {
	f := &flaw{
		Code: "unknown-knock", Message: fmt.Sprintf("there is no knock %s", quote(name)),
		Suggestion: didYouMean(name, d.knocks),
	}
	if at, isOff := d.off[join("knocks", name)]; isOff {
		f.Message, f.Suggestion = fmt.Sprintf("the knock %s is switched off in %s", quote(name), at), `remove = ["knock"] opens the service without one`
	} else if f.Suggestion == "" && isName(name, MaxName) {
		f.Suggestion = fmt.Sprintf("state it as [knocks.%s], with a sequence", name)
	}
	d.add(f, n.value, n.path)
}
