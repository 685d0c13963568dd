package house_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// harmful are commands that nothing may propose to a person in trouble, each with
// what it does besides what it is proposed for.
var harmful = map[string]*regexp.Regexp{
	"takes a path out of a user's hands, which may be a home": regexp.MustCompile(`\b(chown|chgrp|chmod|setfacl) `),
	"removes files":                              regexp.MustCompile(`\brm -`),
	"takes others' rules with it":                regexp.MustCompile(`\btables? .*(-F|--flush)\b|\$tool .*-F |nft flush|ufw reset`),
	"flushes all tables, Docker's too":           regexp.MustCompile(`(stop|disable --now) nftables`),
	"destroys sets that others may use":          regexp.MustCompile(`ipset (flush|destroy|-F|-X)\b`),
	"stops what may be the host's protection":    regexp.MustCompile(`(disable|stop|mask)( --now)? (fail2ban|sshd?|docker)`),
	"ends processes that may be anybody's":       regexp.MustCompile(`\b(killall|pkill|kill -9)\b`),
	"forgets the connections of everybody":       regexp.MustCompile(`conntrack -F`),
	"unloads modules that others' rules may use": regexp.MustCompile(`\b(rmmod|modprobe -r)\b`),
}

// takesOff is the line of docs/operations.md that may: it uninstalls hardenctl itself.
const takesOff = `rm -rf /var/lib/hardenctl /etc/systemd/system/hardenctl-restore.service \`

// TestNoHarmfulAdvice holds that no text of the program, and no line of README.md or a
// page in docs, proposes a command that can lock a user out, open the host or take
// what belongs to others.
func TestNoHarmfulAdvice(t *testing.T) {
	fset, files := sources(t)
	for _, f := range files {
		if f.test || strings.HasPrefix(f.path, "internal/lab/") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, _ := strconv.Unquote(l.Value)
				harmless(t, fset.Position(l.Pos()).String(), text)
			}
			return true
		})
	}
	for _, page := range pages.Names(t) {
		for line := range strings.Lines(pages.Read(t, page)) {
			if line = strings.TrimSpace(line); line != takesOff {
				harmless(t, page, line)
			}
		}
	}
}

func harmless(t *testing.T, place, text string) {
	t.Helper()
	for harm, command := range harmful {
		if found := command.FindString(text); found != "" {
			t.Errorf("%s proposes %q, which %s: %s", place, found, harm, text)
		}
	}
}
