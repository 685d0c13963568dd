package session

import (
	"slices"
	"strings"

	"hardenctl/host/process"
)

// servers begin the names of the processes that serve a login over SSH.
var servers = []string{"sshd", "dropbear"}

// serves reports whether the process is one of these.
func serves(p process.Process) bool {
	return slices.ContainsFunc(servers, func(s string) bool { return strings.HasPrefix(p.Name, s) })
}
