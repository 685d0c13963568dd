package probe

import (
	"net/netip"
	"reflect"
	"testing"
)

// The titles of OpenSSH's processes, as /proc shows them.
func TestRoleOf(t *testing.T) {
	for title, want := range map[string]role{
		"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups": serving,
		"/usr/sbin/sshd -D":                 serving, // OpenSSH 8.0, of RHEL 8
		"sshd: [accepted]":                  serving,
		"sshd: unknown [priv]":              serving,
		"sshd: root [net]":                  serving,
		"sshd-session: alice [priv]":        serving, // its child holds the socket too
		"sshd-auth: alice [net]":            serving,
		"sshd: alice@pts/0":                 loggedIn,
		"sshd: root@pts/0,pts/1":            loggedIn,
		"sshd: alice@notty":                 loggedIn,
		"sshd-session: alice@internal-sftp": loggedIn,
		"sshd: alice":                       loggedIn, // ssh -N
	} {
		if got := roleOf(title); got != want {
			t.Errorf("%q: %d, want %d", title, got, want)
		}
	}
}

// Who is logged in: users of sshd, and peers of an admin port that others
// serve. Not a client of this host's own, not who only knocks at sshd, and not
// who uses a port that a login has forwarded.
func TestAdminConnections(t *testing.T) {
	at := netip.MustParseAddrPort
	line := func(near, far, state, inode string) socket { return socket{at(near), at(far), state, inode} }
	sockets := []socket{
		line("0.0.0.0:22", "0.0.0.0:0", tcpListen, "1"),
		line("0.0.0.0:9090", "0.0.0.0:0", tcpListen, "2"),
		line("0.0.0.0:8080", "0.0.0.0:0", tcpListen, "3"), // ssh -R
		line("192.0.2.1:22", "203.0.113.7:50000", tcpOpen, "4"),
		line("192.0.2.1:22", "203.0.113.8:50000", tcpOpen, "5"), // trying passwords
		line("192.0.2.1:22", "203.0.113.9:50000", tcpTimeWait, "0"),
		line("192.0.2.1:22", "203.0.113.13:50000", tcpOpen, "0"), // waits to be accepted
		line("192.0.2.1:9090", "203.0.113.10:50000", tcpOpen, "6"),
		line("192.0.2.1:8080", "203.0.113.11:50000", tcpOpen, "7"),
		line("192.0.2.1:40000", "203.0.113.12:5432", tcpOpen, "8"), // ssh -L
	}
	roles := map[string]holder{
		"1": {serving, "sshd"}, "3": {loggedIn, "sshd"}, "4": {loggedIn, "sshd"}, "5": {serving, "sshd"}, "6": {unknownRole, "panel"}, "7": {loggedIn, "sshd"}, "8": {loggedIn, "sshd"},
	}
	want := []AdminConnection{
		{Near: at("192.0.2.1:22"), Far: at("203.0.113.7:50000"), SSH: true},
		{Near: at("192.0.2.1:9090"), Far: at("203.0.113.10:50000"), Program: "panel"},
	}
	got := loggedInBy(sockets, roles, func(port uint16) bool { return port == 22 || port == 9090 })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Where somebody could log in: not at a port of loopback, and not at one that a
// login has forwarded. Port 22 is that of an SSH server also while systemd holds
// it.
func TestListening(t *testing.T) {
	at := netip.MustParseAddrPort
	line := func(near, state, inode string) socket { return socket{at(near), at("0.0.0.0:0"), state, inode} }
	got := listening([]socket{
		line("[::]:2222", tcpListen, "1"), line("0.0.0.0:2222", tcpListen, "2"),
		line("0.0.0.0:22", tcpListen, "3"), // systemd
		line("192.0.2.1:9090", tcpListen, "4"),
		line("127.0.0.1:6010", tcpListen, "5"),
		line("0.0.0.0:8080", tcpListen, "6"), // ssh -R
		line("192.0.2.1:443", tcpOpen, "7"),
	}, map[string]holder{"1": {role: serving}, "2": {role: serving}, "5": {role: serving}, "6": {role: loggedIn}})
	want := Listening{All: []uint16{22, 2222, 9090}, SSH: []uint16{22, 2222}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
