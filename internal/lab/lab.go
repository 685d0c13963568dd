// Package lab makes throwaway networks in which firewalls are tried for real.
//
// A lab is a process with a network, mount and host name namespace of its own.
// Its /etc and /var/lib are overlays, its /run is an empty tmpfs and its /sys
// shows its own interfaces, so that a program that changes the firewall,
// installs files or writes the kernel settings of its namespace does so to the
// lab and to nothing else. All of it is gone when the process ends; nothing is
// left to clean up, however it ends.
//
// The lab's own namespace is the server under test. A Network joins hosts to
// it, each a further namespace with addresses of its own: attackers, customers,
// crawlers, administrators. Serve opens ports on the server, Host.Dial and
// Host.Command act from a host, and Nmap scans from one.
//
// Kernel settings of the whole machine, such as nf_conntrack_max and module
// parameters, are as real inside a lab as outside: never write them here.
//
// The package does not import testing, so that a command may use it as well. A
// *testing.T is a T, and a *testing.M is a Runner.
package lab

// T is the part of *testing.T that the lab needs.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Require ends the test unless the process is inside a lab. Whatever changes
// firewalls, sets, settings or files outside its own folder calls it first.
func Require(t T) {
	t.Helper()
	if err := Inside(); err != nil {
		t.Fatalf("this would change the machine itself: %v", err)
	}
}

// must ends the test when err is not nil.
func must(t T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}
