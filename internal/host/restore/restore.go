// Package restore loads the files that a host boots from, and closes the host
// where they cannot be loaded.
//
// At boot there is no earlier state to restore. What a distribution's own loader does
// when a rule is refused, or a set is missing, is to leave the kernel without
// rules, and then the network comes up: a host without a firewall. Here a
// family whose rules cannot be loaded gets the fallback rules of its profile: open
// connections, the loopback, and admin services for admin addresses. If even
// those cannot be loaded it gets ones that are built in and open nothing. Lines of
// others in the files, which may name what only their program makes, close nothing:
// those that do not load are left out and named (refused.go).
//
// Another loader may have been there before, and a person may call this on a
// host that has long been up: what is in force already is left alone, with its
// counters, and so is what others own.
package restore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/extension"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/probe"
)

// loading is one restore.
type loading struct {
	site  apply.Site
	tools probe.Tools
	files Files
	say   func(string)
	fresh Fresh
	// leftOut are the errors of files of which lines of others were left out.
	leftOut error
}

// Fresh says of families whether a restore has found no rules in the kernel, or only
// those by which one before has closed it: they get the whole file, with what others
// have in it. A family that could not be read is not in it.
type Fresh map[ruleset.Family]bool

// Do loads sets, then rules, then settings. Lines of others that cannot be loaded
// are left out. say is told what is in force, a line each. The error says what could not be loaded and what was done instead;
// nil is a host on which everything is in force as the files say. A host on
// which hardenctl was never applied is left as it is.
//
// fresh is what CloseFirst has found.
func Do(ctx context.Context, site apply.Site, tools probe.Tools, files Files, fresh Fresh, say func(string)) error {
	l := &loading{site: site, tools: tools, files: files.withoutTrial(say), say: say, fresh: fresh}
	if !files.ours() {
		return l.nothingLeft(ctx)
	}
	sets := l.sets(ctx)
	failed := sets
	if sets == nil {
		failed = l.bans(time.Now())
	}
	for _, family := range tools.Families {
		failed = errors.Join(failed, l.family(ctx, family, sets))
	}
	return errors.Join(failed, l.leftOut, l.settings())
}

// nothingLeft is a restore without any file of ours: an error where hardenctl was
// applied all the same, and no other program filters.
func (l *loading) nothingLeft(ctx context.Context) error {
	if !l.files.Applied {
		l.say("nothing to restore: hardenctl has saved no rules on this host")
		return nil
	}
	var failed error
	for _, family := range l.tools.Families {
		failed = errors.Join(failed, l.unsaved(ctx, family))
	}
	if failed == nil {
		return nil
	}
	return errors.Join(failed, errNothingLeft)
}

// unsaved closes a family of which no saved rules are left. Those that others have
// put in force stay; where that is unknown, it is closed.
func (l *loading) unsaved(ctx context.Context, family ruleset.Family) error {
	_, unread := l.site.Rules.Tables(ctx, family)
	if unread == nil && !l.fresh[family] {
		l.say(fmt.Sprintf("IPv%d: the saved rules are missing; the rules in force stay", family))
		return nil
	}
	gone := fmt.Errorf("IPv%d: the saved file %s is missing or cannot be read", family, l.files.Rules[family].Path)
	return errors.Join(gone, unread, l.close(ctx, family))
}

// errNothingLeft says what to do on a host of whose files none is left.
var errNothingLeft = errors.New("apply your profile, or restore the last generation with `hardenctl rollback N` (`hardenctl history` lists them); if this host no longer needs hardenctl, run `hardenctl rollback 0`: then later boots do not close it")

// family puts the rules of one in force, unless sets says that those they need
// are not there, or closes it.
func (l *loading) family(ctx context.Context, family ruleset.Family, sets error) error {
	var failed error
	without := ""
	if sets == nil {
		without, failed = l.rules(ctx, family)
	}
	if failed != nil && l.stays(ctx, family, failed) {
		l.say(fmt.Sprintf("IPv%d: hardenctl's rules in force stay; they could not be compared with %s", family, l.files.Rules[family].Path))
		return failed
	}
	if sets != nil || failed != nil {
		return errors.Join(failed, l.close(ctx, family))
	}
	l.say(fmt.Sprintf("IPv%d: the rules of %s are in force%s", family, l.files.Rules[family].Path, without))
	return nil
}

// stays reports whether a failure is not a reason to close a family: a library of
// the tools is missing, and INPUT begins with our jump, or with leading jumps and ours. What
// is in force was loaded when the library was there; a boot has nothing in force.
func (l *loading) stays(ctx context.Context, family ruleset.Family, failed error) bool {
	var missing *extension.MissingError
	if l.fresh[family] || !errors.As(failed, &missing) || missing.Kernel {
		return false
	}
	for number := 1; ; number++ {
		rule, err := l.site.Rules.RuleOfInput(ctx, family, number)
		if err != nil || !owned.Named(l.files.Leading, rule.Target()) {
			return err == nil && owned.Rule(rule)
		}
	}
}

// CloseFirst closes the families of which the kernel has no rules, so that a
// restore that is killed, or hangs, leaves no open host behind. A host on which
// hardenctl was never applied is left open. One that such a restore has closed,
// and to which nothing was added since, is as fresh as one without rules:
// what others have in the file is to come yet.
//
// A load that fails here is not told: the rules are loaded after it, and that tells.
func CloseFirst(ctx context.Context, p dataplane.Plane, tools probe.Tools, files Files) Fresh {
	fresh := Fresh{}
	for _, family := range tools.Families {
		is, err := files.isFresh(ctx, p, family)
		if err != nil {
			continue // it is looked at once more when the rules are loaded
		}
		fresh[family] = is
		if is && (files.ours() || files.Applied) {
			_ = p.Rules.Load(ctx, family, files.closing(family), true)
		}
	}
	return fresh
}

// mayBeFresh reports whether a family is fresh, or could not be read.
func (l *loading) mayBeFresh() bool {
	return slices.ContainsFunc(l.tools.Families, func(family ruleset.Family) bool {
		is, known := l.fresh[family]
		return is || !known
	})
}

// closing is the text that closes a family: that of its profile, or the built-in one.
func (f Files) closing(family ruleset.Family) []byte {
	if text := f.closed(family).Text; closes(text) {
		return text
	}
	return []byte(builtIn[family])
}

// isFresh reports whether the kernel has no rules of a family, or only those that close
// it.
func (f Files) isFresh(ctx context.Context, p dataplane.Plane, family ruleset.Family) (bool, error) {
	have, err := p.Rules.Tables(ctx, family)
	if err != nil {
		return false, err
	}
	return unused(have) || isOnly(have, f.closing(family)) || isOnly(have, []byte(builtIn[family])), nil
}

// close puts the fallback rules of a family in force, or the built-in ones. The
// error says why it could not be those of the profile, or none at all.
func (l *loading) close(ctx context.Context, family ruleset.Family) error {
	closed := l.files.closed(family)
	err := cmp.Or(l.files.read(closed), fmt.Errorf("%s does not close this host", closed.Path))
	if closes(closed.Text) {
		if err = l.load(ctx, family, closed, probe.BootFile{}); err != nil {
			err = l.site.Rules.Load(ctx, family, closed.Text, true) // without a look at what is there
		}
	}
	if err == nil {
		l.say(fmt.Sprintf("IPv%d: CLOSED but for administrators, by %s", family, closed.Path))
		return nil
	}
	if last := l.site.Rules.Load(ctx, family, []byte(builtIn[family]), true); last != nil {
		return errors.Join(err, fmt.Errorf("IPv%d is NOT FILTERED: not even the built-in rules could be loaded: %w", family, last))
	}
	l.say(fmt.Sprintf("IPv%d: CLOSED to everybody, by built-in rules", family))
	return err
}

// closes reports whether a text is fallback rules, whole and in one piece:
// iptables-restore takes an empty file, and one that is cut off, and says nothing.
func closes(text []byte) bool {
	f, err := tablefile.Read(text)
	input := f.Table("filter").Chain("INPUT")
	return err == nil && bytes.HasSuffix(text, []byte("\n")) && input != nil && input.Policy == "DROP"
}

// builtIn is what a host gets of which no file is left that says who
// administers it.
var builtIn = map[ruleset.Family]string{
	ruleset.V4: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
COMMIT
`,
	ruleset.V6: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -m hl --hl-eq 255 -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j ACCEPT
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j ACCEPT
COMMIT
`,
}
