package login

import "github.com/hardenctl/hardenctl/internal/host/process"

// serves reports whether a process serves a login over SSH.
func serves(proc string, p process.Process) bool { return process.SSHServer(proc, p.PID) != "" }
