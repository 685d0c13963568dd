// Package systemd holds the unit that restores a host at boot, in the form in
// which it is installed. A package of a distribution may ship the same file
// with another path of the program.
package systemd

import _ "embed" // the unit

// Program is where the unit looks for hardenctl.
const Program = "/usr/local/sbin/hardenctl"

// Unit is the text of hardenctl-restore.service.
//
//go:embed hardenctl-restore.service
var Unit []byte

// Enable is the text of a drop-in of sysinit.target that starts the unit at
// boot. It replaces the link that `systemctl enable` would make: it is a
// plain file, which can be shown, compared and replaced like the others.
//
//go:embed enable.conf
var Enable []byte
