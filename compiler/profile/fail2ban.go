package profile

import (
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Fail2ban is [fail2ban]: what fail2ban makes of the lines of [log].
type Fail2ban struct {
	Position diag.Position
	// Enabled is true where the table is stated and does not say false.
	Enabled bool
	// Retries is how many lines within Window put their source into jail, and
	// Ban for how long.
	Retries     uint32
	Window, Ban time.Duration
	// Scope says what a source does not reach that a jail of fail2ban has put
	// into the set: Everything where not stated. It has completed a login.
	Scope         Scope
	ScopePosition diag.Position // zero where not stated
	// LinesScope is the same for sources whose lines were counted, which can be
	// forged: Scope if that is stated, else that of Scan.
	LinesScope Scope
	// File is where the kernel's lines are read, an absolute path; empty for
	// the journal.
	File         string
	FilePosition diag.Position // zero where not stated
}

// The bounds of [fail2ban], and what it is where it is stated in part.
const (
	maxRetries     = 1000
	maxFile        = 200
	defaultRetries = 3
	defaultWindow  = 10 * time.Minute // fail2ban's own findtime
)

// journal is the word of fail2ban.log for systemd's journal.
const journal = "journal"

func (d *decoder) fail2ban(n *node) {
	f := &d.profile.Fail2ban
	*f = Fail2ban{Position: n.key, Enabled: true, Window: defaultWindow, Ban: defaultBan}
	retries := Count{N: defaultRetries}
	d.table(n, fields{
		"enabled": d.boolean(&f.Enabled),
		"retries": d.count(&retries, 1, maxRetries),
		"window":  d.duration(&f.Window, time.Second, maxBan),
		"ban":     d.duration(&f.Ban, time.Second, maxBan),
		"scope":   choice(d, &f.Scope, Everything, Hidden),
		"log":     d.logFile(&f.File),
	})
	f.Retries = retries.N
	if scope := n.child("scope"); scope != nil {
		f.ScopePosition = scope.value
	}
	if file := n.child("log"); file != nil {
		f.FilePosition = file.value
	}
}

// jailScopes fills in what [fail2ban] does not state, when [scan] has been read.
func (d *decoder) jailScopes() {
	f := &d.profile.Fail2ban
	switch {
	case !f.Enabled:
	case f.Scope == "":
		f.Scope, f.LinesScope = Everything, d.profile.Scan.Scope
	default:
		f.LinesScope = f.Scope
	}
}

// logFile reads "journal" or the absolute path of a file. The path ends up in a
// configuration file of fail2ban, where blanks, "%", "<" and "*" mean something.
func (d *decoder) logFile(to *string) reader {
	return reader{"\"journal\", or the absolute path of a file", func() string { return quote(journal) }, func(n *node) {
		if !d.want(n, kindString, `"journal" or the path of a file`) {
			return
		}
		text := n.scalar.(string)
		switch {
		case text == journal:
			*to = ""
		case strings.HasPrefix(text, "/") && len(text) <= maxFile && strings.Trim(text, pathBytes) == "":
			*to = text
		default:
			d.add(&flaw{
				Code: "bad-value", Message: quote(text) + ` is neither "journal" nor the path of a log`,
				Suggestion: `write "journal", or a path such as "/var/log/hardenctl.log"`,
			}, n.value, n.path)
		}
	}}
}

const pathBytes = "/._-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
