package bundle

import "fmt"

// AccessEntry says who must always get in, and to what: an apply proves it
// before it changes a host.
type AccessEntry struct {
	// Admin names the sets that hold the addresses declared to be admin.
	Admin []string `json:"admin"`
	// Services are those that they must reach.
	Services []AdminService `json:"services"`
}

// AdminService is a service by which one logs in.
type AdminService struct {
	Name  string `json:"name"`
	Ports []Port `json:"ports"`
	// From names the sets of sources that may connect besides admin addresses, but for those
	// that count by some interfaces alone. With neither From nor Knock everyone may.
	From []string `json:"from,omitempty"`
	// Interfaces are those by which the service is open, as rules name them; empty means
	// every one.
	Interfaces []string `json:"interfaces,omitempty"`
	// Knock is the sequence by which other sources get in.
	Knock []Port `json:"knock,omitempty"`
	Origin
}

// Port is a range of ports; First equals Last for one port.
type Port struct {
	Protocol string `json:"protocol"` // "tcp" or "udp"
	First    uint16 `json:"first"`
	Last     uint16 `json:"last"`
}

// Has reports whether the range holds a port.
func (p Port) Has(protocol string, port uint16) bool {
	return p.Protocol == protocol && p.First <= port && port <= p.Last
}

// String writes the range as profiles do: "tcp/22", "udp/60000-61000".
func (p Port) String() string {
	if p.First == p.Last {
		return fmt.Sprintf("%s/%d", p.Protocol, p.First)
	}
	return fmt.Sprintf("%s/%d-%d", p.Protocol, p.First, p.Last)
}
