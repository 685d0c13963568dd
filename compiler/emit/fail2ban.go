package emit

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/ruleset"
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
// stand at its very beginning, where nobody else's words get to.
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

// regex writes text so that Python's regular expressions mean it literally, and
// so that fail2ban's configuration, which knows "%", ";", "<tags>" and more,
// finds none of its signs in it.
func regex(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(bare+" :,", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func fail2banJail(j *ruleset.Jail) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n[hardenctl]\nenabled = true\nfilter = hardenctl\naction = %s\n", bundle.Header, ownAction(j))
	if j.File != "" {
		fmt.Fprintf(&b, "backend = auto\nlogpath = %s\n", j.File)
	} else {
		b.WriteString("backend = systemd\njournalmatch = _TRANSPORT=kernel\n")
	}
	fmt.Fprintf(&b, "maxretry = %d\nfindtime = %d\nbantime = %d\n", j.Retries, j.Window/time.Second, j.Ban/time.Second)
	return b.Bytes()
}

// ownAction bans into the sets of those whose lines were counted.
func ownAction(j *ruleset.Jail) string {
	if j.LinesV4 == j.SetV4 {
		return "hardenctl"
	}
	return fmt.Sprintf("hardenctl[set4=%s, set6=%s]", j.LinesV4, j.LinesV6)
}

// fail2banAction adds to and deletes from the sets of the ruleset. The kernel
// drops an entry by itself when its time is over, also when fail2ban is not
// there to do it; ipset takes no time beyond 2,147,483 s, and 0 stands for none.
//
// There is no actionflush: the set is shared by all jails that use the action,
// and one that stops must not let go whom the others hold.
func fail2banAction(j *ruleset.Jail) []byte {
	return fmt.Appendf(nil, `%s
# It bans into the sets of hardenctl's own rules, so that a ban costs no rule.
# Any jail may use it: banaction = hardenctl
[Definition]
actionstart =
actionstop =
actioncheck =
actionban = t=<bantime>; [ "$t" -ge 1 ] && [ "$t" -le 2147483 ] || t=0; ipset -exist add <set> <ip> timeout "$t"
actionprolong = %%(actionban)s
actionunban = ipset -exist del <set> <ip>

[Init]
set4 = %s
set6 = %s
set = <set4>

[Init?family=inet6]
set = <set6>
`, bundle.Header, j.SetV4, j.SetV6)
}
