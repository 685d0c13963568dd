package ruleset

// NIC is a network interface, by the name that it has once it is up.
type NIC struct {
	Name     string
	Offloads []Offload // at least one
	Origin   Origin
}

// OffloadName is what ethtool calls an offload.
type OffloadName string

// The offloads that profiles state.
const (
	GRO OffloadName = "gro" // generic receive offload
	GSO OffloadName = "gso" // generic segmentation offload
	TSO OffloadName = "tso" // TCP segmentation offload, of IPv4 and IPv6
)

// Offload is one offload, on or off.
type Offload struct {
	Name   OffloadName
	On     bool
	Origin Origin
}

// Word is "on" or "off".
func (o Offload) Word() string {
	if o.On {
		return "on"
	}
	return "off"
}
