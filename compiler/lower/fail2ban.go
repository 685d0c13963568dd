package lower

import (
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// jails reports whether fail2ban puts sources into sets of ours.
func (l *lowering) jails() bool { return l.profile.Fail2ban.Enabled }

// addJailSets adds the sets that fail2ban fills. They are not those of the
// kernel's own bans: when fail2ban lets a source go, the kernel's ban of it
// stays. The set is looked up once for each new packet, however many are in it.
func (l *lowering) addJailSets() {
	if !l.jails() {
		return
	}
	f := l.profile.Fail2ban
	for _, family := range ruleset.Families {
		for _, name := range l.jailSets() {
			l.sets = append(l.sets, ruleset.Set{
				Name: setName(name, family), Family: family, Type: ruleset.HashIP,
				Dynamic: true, Timeout: f.Ban, Netmask: banMask(family),
				HashSize: dynamicBuckets, MaxElements: dynamicEntries,
				Origin: l.origin("fail2ban", f.Position),
			})
		}
	}
}

// jailSets names the sets that fail2ban fills: "jail", and "lines" for those whose
// lines were counted, where these keep what a jailed source does not.
func (l *lowering) jailSets() []string {
	if l.linesSet() == "jail" {
		return []string{"jail"}
	}
	return []string{"jail", "lines"}
}

func (l *lowering) linesSet() string {
	if l.profile.Fail2ban.LinesScope == l.profile.Fail2ban.Scope {
		return "jail"
	}
	return "lines"
}

// jail says what fail2ban does; nil for nothing. Probes count, and the one
// that got its source banned. What customers may do by accident, to go beyond a
// limit, does not; nor do the lines of those who are blocked, trusted or proven.
func (l *lowering) jail() *ruleset.Jail {
	if !l.jails() {
		return nil
	}
	f := l.profile.Fail2ban
	var trusted []string
	for _, family := range ruleset.Families {
		if f := (&filter{lowering: l, family: family}); f.has("trusted") {
			trusted = append(trusted, f.setName("trusted"))
		}
	}
	return &ruleset.Jail{
		Prefix:  l.profile.Log.Prefix,
		Reasons: []string{string(isProbe), string(brokeIt)},
		File:    f.File,
		Retries: f.Retries, Window: f.Window, Ban: f.Ban,
		SetV4: setName("jail", ruleset.V4), SetV6: setName("jail", ruleset.V6),
		LinesV4: setName(l.linesSet(), ruleset.V4), LinesV6: setName(l.linesSet(), ruleset.V6),
		Trusted: trusted,
		Origin:  l.origin("fail2ban", f.Position),
	}
}

// spares reports whether the lines of a reason tell proven sources from others,
// so that fail2ban counts only those of others. A probe can be forged, and a
// jail takes everything, also from who is proven: three forged packets must not
// cost a customer what the kernel's own ban would leave him. A proven scanner is
// left to that ban.
func (l *lowering) spares(why reason) bool {
	counted := why == isProbe || why == brokeIt
	return counted && l.jails() && l.proves() && l.profile.Fail2ban.LinesScope == profile.Everything
}

// jailed drops the new packets of sources that fail2ban has put into jail. Like a
// ban it is behind the trusted, whatever the set holds, and before the
// services or behind them, as the scope says. It is silent: a source in jail
// would only go on filling the log that put it there.
//
// Proven sources are not exempt from it, as they are from a ban. The set is there for
// other jails of fail2ban too, such as that of sshd, and who guesses passwords
// has completed a connection for each guess.
func (f *filter) jailed(at profile.Scope) []ruleset.Rule {
	if !f.jails() {
		return nil
	}
	p := f.part("fail2ban", f.profile.Fail2ban.Position)
	scopes := map[string]profile.Scope{"jail": f.profile.Fail2ban.Scope, "lines": f.profile.Fail2ban.LinesScope}
	var rules []ruleset.Rule
	for _, set := range f.jailSets() {
		if scopes[set] == at {
			rules = append(rules, p.rule("jailed", ruleset.Drop, f.inSet(set)))
		}
	}
	return rules
}
