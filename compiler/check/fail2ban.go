package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// fail2ban refuses a fail2ban that never has anyone to ban, since it reads
// lines that are not written, and warns of one that bans people who retry.
func fail2ban(p *profile.Profile) diag.List {
	f := p.Fail2ban
	at := func(code string, severity diag.Severity, message, suggestion string) diag.List {
		return diag.List{{Code: code, Severity: severity, Position: f.Position, Subject: "fail2ban", Message: message, Suggestion: suggestion}}
	}
	lines := min(linesWithin(p.Log.Rate, f.Window), linesWithin(p.Log.PerSource, f.Window))
	switch {
	case !f.Enabled:
		return nil
	case p.Log.Rate.Count == 0:
		return at("no-log", diag.Error, "reads the lines of [log], which this profile does not have", "add [log]")
	case lines < uint64(f.Retries):
		return at("never-bans", diag.Error,
			fmt.Sprintf("wants %d lines of a source, and [log] lets it write only %d in that time", f.Retries, lines),
			"raise log.lines_per_source and log.rate, or state fewer retries")
	case p.Scan.Probes == 0:
		return at("counts-retries", diag.Warning,
			"counts each packet of a client that retries one closed port", "state scan.probes: then a port counts once")
	}
	return nil
}

const kernelLog = "/var/log/hardenctl.log"

// sharedLog warns of a jail that reads a file. syslog is open to every program:
// /dev/log takes lines in the kernel's name too. docs/recipes.md says how to make a file of
// the kernel's own lines, by the name of kernelLog.
func sharedLog(p *profile.Profile) diag.List {
	f := p.Fail2ban
	if !f.Enabled || f.File == "" || f.File == kernelLog {
		return nil
	}
	return diag.List{{
		Code: "log-can-be-forged", Severity: diag.Warning, Position: f.FilePosition, Subject: "fail2ban.log",
		Message:    f.File + " may hold lines that any user of this host has written in the kernel's name",
		Note:       "each such line counts: its writer can have any address jailed that is not in [access] admin or exempt",
		Suggestion: `write "journal"; or have rsyslog write a file of the kernel's own lines, as docs/recipes.md shows`,
	}}
}

// jailScope warns of a jail that leaves its sources the services: other jails of
// fail2ban put theirs there too, and then the one who guesses passwords goes on.
func jailScope(p *profile.Profile) diag.List {
	f := p.Fail2ban
	open := slices.IndexFunc(p.Services, func(s profile.Service) bool { return len(s.Ports) > 0 })
	if !f.Enabled || f.Scope != profile.Hidden || open < 0 {
		return nil
	}
	return diag.List{{
		Code: "jail-leaves-services", Severity: diag.Warning, Position: f.ScopePosition, Subject: "fail2ban.scope",
		Message:    fmt.Sprintf(`"hidden" leaves a jailed source the ports that services state for it, such as %s`, p.Services[open].Ports[0]),
		Note:       "a jail with banaction = hardenctl, such as sshd's, does not block a source at these ports",
		Suggestion: `leave scope out, or write "everything"`,
	}}
}

// linesWithin is the most that a rate lets pass in a window.
func linesWithin(r profile.Rate, window time.Duration) uint64 {
	if r.Count == 0 {
		return 0
	}
	return uint64(r.Burst) + uint64(r.Count)*uint64(window/time.Second)/uint64(r.Per/time.Second)
}
