package ruleset

// NIC is a network interface, by the name that it has once it is up.
type NIC struct {
	Name     string
	Offloads []Offload
	Queues   Queues // without a number where the profile states none
	Origin   Origin
}

// OffloadName is what ethtool calls an offload.
type OffloadName string

// The offloads that profiles state.
const (
	GRO OffloadName = "gro" // generic receive offload
	GSO OffloadName = "gso" // generic segmentation offload
	TSO OffloadName = "tso" // TCP segmentation offload, of IPv4 and IPv6
	LRO OffloadName = "lro" // large receive offload, which a router must not use
)

// Offload is one offload, on or off.
type Offload struct {
	Name   OffloadName
	On     bool
	Origin Origin
}

// Queues is how many combined channels an interface uses.
type Queues struct {
	N      uint32
	Origin Origin
}

// Word is "on" or "off".
func (o Offload) Word() string {
	if o.On {
		return "on"
	}
	return "off"
}
