package emit

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Fail2ban returns the filter, the jail and the action for fail2ban 0.11 and
// later, with no text where there is no jail.
func Fail2ban(j *ruleset.Jail) []bundle.File {
	files := []bundle.File{
		{Name: bundle.Fail2banFilter}, {Name: bundle.Fail2banJail}, {Name: bundle.Fail2banAction},
	}
	if j != nil {
		files[0].Text, files[1].Text, files[2].Text = fail2banFilter(j), fail2banJail(j), fail2banAction(j)
	}
	return files
}

// fail2banFilter matches the kernel's lines. In a log that programs share, the
// line of another program that quotes one must not match: host and "kernel:"
// are at its very beginning, where no text of others can be.
func fail2banFilter(j *ruleset.Jail) []byte {
	return fmt.Appendf(nil, `%s
# It matches the lines that the kernel writes about probes, in kern.log, syslog,
# messages and the journal.
[Definition]
failregex = ^\s*(?:\S+\s+)?kernel:\s*(?:\[\s*\d+\.\d+\]\s*)?%s(?:%s) IN=\S*(?: \w+=\S*)*? SRC=<ADDR> DST=
ignoreregex =
datepattern = {^LN-BEG}
`, bundle.Header, regex(j.Prefix), strings.Join(j.Reasons, "|"))
}

// literal are the characters that mean themselves in a regular expression and to
// fail2ban.
const literal = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ :,"

// regex writes text so that Python's regular expressions mean it literally, and
// so that fail2ban's configuration, which knows "%", ";", "<tags>" and more,
// finds none of its signs in it.
func regex(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(literal, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// fail2banJail reads the file, or the kernel's lines in the system journal of this
// machine: flags 1 and 4 of sd_journal_open(3). The default is 4 alone, which also
// reads what a container writes into its own journal (systemd-nspawn --link-journal).
func fail2banJail(j *ruleset.Jail) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n[hardenctl]\nenabled = true\nfilter = hardenctl\naction = %s\n", bundle.Header, ownAction(j))
	if j.File != "" {
		fmt.Fprintf(&b, "backend = auto\nlogpath = %s\n", j.File)
	} else {
		b.WriteString("backend = systemd[journalflags=5]\njournalmatch = _TRANSPORT=kernel\n")
	}
	if len(j.Trusted) > 0 {
		fmt.Fprintf(&b, "ignorecommand = %s\n", trustedTest(j.Trusted))
	}
	fmt.Fprintf(&b, "maxretry = %d\nfindtime = %d\nbantime = %d\n", j.Retries, j.Window/time.Second, j.Ban/time.Second)
	return b.Bytes()
}

// trustedTest succeeds for an address that one of the sets holds. An address of the
// other family is in none of them: ipset fails with 1 then too.
func trustedTest(sets []string) string {
	var tests []string
	for _, set := range sets {
		tests = append(tests, "ipset -q test "+set+" <ip>")
	}
	return strings.Join(tests, " || ")
}

// ownAction bans into the sets of those whose lines were counted.
func ownAction(j *ruleset.Jail) string {
	if j.LinesV4 == j.SetV4 {
		return "hardenctl"
	}
	return fmt.Sprintf("hardenctl[set4=%s, set6=%s]", j.LinesV4, j.LinesV6)
}

// fail2banAction adds to and deletes from the sets of the ruleset. The kernel
// drops an entry by itself when its time is over, also when fail2ban is not there
// to do it; ipset takes no time beyond 2,147,483 s, and 0 means none.
//
// There is no actionflush: the set is shared by all jails that use the action, and
// one that stops must leave the bans of the others.
func fail2banAction(j *ruleset.Jail) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s", bundle.Header, actionCommands)
	fmt.Fprintf(&b, "\n[Init]\nset4 = %s\nset6 = %s\nset = <set4>\ncut =\n", j.SetV4, j.SetV6)
	fmt.Fprintf(&b, "\n[Init?family=inet6]\nset = <set6>\ncut = %s\n", strings.Repeat("?.", 16))
	return b.Bytes()
}

// actionCommands note each ban with its end. fail2ban tells a command about one
// jail and one address, while an entry of the set may be of several: of jails, and
// of addresses of one /64. "ip-rev" is the address in the form of its PTR record: in
// IPv6 16 nibbles of the host and then 16 of the /64, each with a dot.
//
// /run/fail2ban is made by fail2ban's own unit, and removed when it stops. Without
// the notes, where nothing can be written there, a ban still counts; "command"
// keeps a shell from ending at an exec that fails.
const actionCommands = `# It bans into the sets of hardenctl's own rules, so that a ban costs no rule.
# Any jail may use it: banaction = hardenctl
#
# All jails share an entry, and in IPv6 all addresses of a /64. It lasts as long as
# the longest of their bans, which are noted in /run/fail2ban/hardenctl.
[Definition]
actionstart =
actionstop =
actioncheck =
actionban = start=<time>; end=$(( ${start%%.*} + <bantime> ))
            [ <bantime> -ge 0 ] || end=9999999999
            <settle>
actionprolong = %(actionban)s
actionunban = end=0
              <settle>

settle = source=<ip-rev>; notes=/run/fail2ban/hardenctl/<set>/${source#<cut>}
         now=$(date +%%s); own=$end
         mkdir -p "${notes%%/*}"
         command exec 9>>/run/fail2ban/hardenctl/lock && flock 9
         {
             [ ! -e "$notes" ] || while read -r until jail ip; do
                 [ "$until" -gt "$now" ] && [ "$jail $ip" != "<name> <ip>" ] || continue
                 echo "$until $jail $ip"
                 [ "$until" -le "$end" ] || end=$until
             done < "$notes"
             [ "$own" -le "$now" ] || echo "$own <name> <ip>"
         } >"$notes.new"
         mv "$notes.new" "$notes"
         if [ "$end" -gt "$now" ]; then
             left=$(( end - now )); [ "$left" -le 2147483 ] || left=0
             ipset -exist add <set> <ip> timeout "$left"
         else
             rm "$notes"
             ipset -exist del <set> <ip>
         fi
`
