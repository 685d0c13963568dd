package profile

import (
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// NIC is [nics.NAME]: what a network interface does for the processor.
type NIC struct {
	// Name is that of one interface, as `ip link` shows it.
	Name     string
	Position diag.Position
	Offloads []Offload // in the order gro, gso, tso, lro
	// Queues is how many combined channels it uses, each of which receives and
	// sends by one processor; 0 where the profile states none. A NIC states this
	// or an offload.
	Queues Count
}

// Offload is one key of a NIC: "gro", "gso", "tso" or "lro".
type Offload struct {
	Name     string
	Position diag.Position
	On       bool
}

// offloads are the keys of a NIC, in the order in which they come out.
var offloads = []string{"gro", "gso", "tso", "lro"}

// maxQueues is the most that a driver of Linux has.
const maxQueues = 1024

// nics reads [nics]. Others name interfaces, so that the names are the kernel's
// kind and not ours: "eth0.100" in quotes, "enp0s31f6".
func (d *decoder) nics(n *node) {
	if !d.want(n, kindTable, "a table of network interfaces") {
		return
	}
	if len(n.children) > maxNamed {
		d.errorf("too-many", n, "has more than %d entries", maxNamed)
		return
	}
	all := names(n)
	for _, c := range sorted(n.children) {
		if isRemoval(c) {
			d.unremoved(c, n)
			continue
		}
		if !d.want(c, kindTable, "a table") {
			continue
		}
		if !isInterface(c.name) || strings.HasSuffix(c.name, "+") {
			d.add(&flaw{
				Code: "bad-name", Message: quote(c.name) + " is not the name of an interface",
				Suggestion: `ip link lists the interfaces of a host; write one with a dot in quotes: [nics."eth0.100"]`,
			}, c.key, c.path)
			continue
		}
		if d.isOn(c, all) {
			d.nic(c)
		}
	}
}

func (d *decoder) nic(n *node) {
	found, known := map[string]Offload{}, fields{}
	for _, name := range offloads {
		known[name] = reader{"true or false", nil, func(n *node) {
			if d.want(n, kindBool, "true or false") {
				found[name] = Offload{Name: name, Position: n.key, On: n.scalar.(bool)}
			}
		}}
	}
	nic := NIC{Name: n.name, Position: n.key}
	known["queues"] = d.count(&nic.Queues, 1, maxQueues)
	d.optional(n, known)
	for _, name := range offloads {
		if o, stated := found[name]; stated {
			nic.Offloads = append(nic.Offloads, o)
		}
	}
	if len(n.children) == 0 {
		d.warn("no-effect", n, "states none of gro, gso, tso, lro and queues")
	}
	if nic.Offloads != nil || nic.Queues.N > 0 {
		d.profile.NICs = append(d.profile.NICs, nic)
	}
}
