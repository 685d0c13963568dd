package ruleset

// Access says who must always get in, and to what. No rule is made of it: it is
// what an apply proves before it changes a host.
type Access struct {
	// Admin names the sets of the addresses that the profile declares to be
	// admin, one of each family that has any. A family that the profile closes
	// has none.
	Admin []string
	// Services are those by which one logs in, in the order of their names.
	Services []AdminService
}

// AdminService is a service that admin addresses must always reach.
type AdminService struct {
	Name   string
	Ports  []Port // at least one
	Origin Origin
	// From names the sets of sources that may connect besides admin addresses, but for those
	// that count by some interfaces alone. With neither From nor Knock everyone may.
	From []string
	// Interfaces are those by which it is open; empty means every one.
	Interfaces []string
	// Knock is the sequence by which other sources get in; nil where there is
	// none.
	Knock []Port
}

// Port is a range of ports of one protocol; First equals Last for one port.
type Port struct {
	Protocol Protocol
	PortRange
}
