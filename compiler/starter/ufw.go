package starter

import (
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// ufw reads user.rules or user6.rules of ufw: rules as iptables-restore takes them.
func (b *builder) ufw(f File) error {
	family := ruleset.V4
	if strings.Contains(string(f.Text), ":ufw6-user-input") {
		family = ruleset.V6
	}
	for l := range f.lines {
		line := tablefile.ParseLine(l.Text)
		if line.Command != tablefile.Append {
			continue
		}
		switch chain := strings.Replace(line.Chain, "ufw6-", "ufw-", 1); {
		case chain == "ufw-user-input":
			if err := b.ufwRule(l, line.Rule, family); err != nil {
				return err
			}
		case chain == "ufw-user-output":
			b.leave(l, outgoing)
		case chain == "ufw-user-forward":
			b.leave(l, "packets that are sent on: a profile leaves FORWARD as it is")
		}
	}
	return nil
}

// ufwRule adds a rule of what a user of ufw has stated. ufw writes "-p tcp --dport 22",
// iptables-save "-p tcp -m tcp --dport 22".
func (b *builder) ufwRule(l Line, r tablefile.Rule, family ruleset.Family) error {
	words, err := tablefile.Words(r.Spec)
	if err != nil {
		return err
	}
	at := slices.Index(words, "-j")
	if at < 0 || at+1 == len(words) {
		return nil // it only counts
	}
	target := words[at+1]
	switch {
	case slices.Contains(words[:at], "recent"):
		b.leave(l, limited)
		return nil
	case strings.HasSuffix(target, "-limit-accept"):
		target = "ACCEPT"
	case target != "ACCEPT" && target != "DROP" && target != "REJECT":
		return nil // a chain that logs
	}
	var spec []string
	for i, w := range words[:at] {
		if strings.HasPrefix(w, "--") && i > 1 && words[i-2] == "-p" {
			spec = append(spec, "-m", words[i-1])
		}
		spec = append(spec, tablefile.Quote(w))
	}
	b.add(l, strings.Join(append(spec, "-j", target), " "), family)
	return nil
}
