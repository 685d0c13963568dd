package emit

import (
	"fmt"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Rule returns a rule's text after "-A CHAIN ", as iptables-save prints it.
//
// iptables-save prints source, interfaces and protocol first, whatever the
// order in which they were given, then the other matches in theirs.
func Rule(family ruleset.Family, r ruleset.Rule) string {
	var words []string
	for _, part := range []func(ruleset.Match) string{source, destination, inInterface, outInterface, protocol} {
		for _, m := range r.Matches {
			if text := part(m); text != "" {
				words = append(words, text)
				break
			}
		}
	}
	for _, m := range r.Matches {
		if text := match(family, m); text != "" {
			words = append(words, text)
		}
	}
	if r.Comment != "" {
		words = append(words, "-m comment --comment "+tablefile.Quote(r.Comment))
	}
	if r.Target != nil {
		words = append(words, verb(r.Target), target(r.Target))
	}
	return strings.Join(words, " ")
}

func source(m ruleset.Match) string {
	if s, ok := m.(ruleset.Source); ok {
		return "-s " + s.Prefix.String()
	}
	return ""
}

func destination(m ruleset.Match) string {
	if d, ok := m.(ruleset.Destination); ok {
		return "-d " + d.Prefix.String()
	}
	return ""
}

func inInterface(m ruleset.Match) string {
	if i, ok := m.(ruleset.Interface); ok {
		return "-i " + i.Name
	}
	return ""
}

func outInterface(m ruleset.Match) string {
	if o, ok := m.(ruleset.OutInterface); ok {
		return "-o " + o.Name
	}
	return ""
}

// protocol returns "-p …" for a match that needs a protocol.
func protocol(m ruleset.Match) string {
	switch m := m.(type) {
	case ruleset.Proto:
		return not(m.Not) + "-p " + string(m.Protocol)
	case ruleset.Ports:
		return "-p " + string(m.Protocol)
	case ruleset.OriginalPort:
		return "-p " + string(m.Protocol)
	case ruleset.TCPFlags, ruleset.TCPWindow, ruleset.TCPStart, ruleset.TCPOption, ruleset.Extended:
		return "-p tcp"
	case ruleset.ICMPType:
		if m.Family == ruleset.V6 {
			return "-p ipv6-icmp"
		}
		return "-p icmp"
	}
	return ""
}

// verb is the option that is before a target.
func verb(t ruleset.Target) string {
	if _, ok := t.(ruleset.Goto); ok {
		return "-g"
	}
	return "-j"
}

func target(t ruleset.Target) string {
	switch t := t.(type) {
	case ruleset.Verdict:
		return string(t)
	case ruleset.Jump:
		return t.Chain
	case ruleset.Goto:
		return t.Chain
	case ruleset.AddToSet:
		return addToSet(t)
	case ruleset.RemoveFromSet:
		return fmt.Sprintf("SET --del-set %s %s", t.Set, t.Direction)
	case ruleset.Log:
		return "LOG --log-prefix " + tablefile.Quote(t.Prefix)
	case ruleset.Reject:
		return "REJECT --reject-with " + rejectWith(t)
	case ruleset.StripOption:
		return fmt.Sprintf("TCPOPTSTRIP --strip-options %d", t.Kind)
	case ruleset.NoTrack:
		return "CT --notrack"
	case ruleset.SynProxy:
		return fmt.Sprintf("SYNPROXY --sack-perm --timestamp --wscale %d --mss %d", t.WindowScale, t.MSS)
	}
	panic(fmt.Sprintf("emit: unknown target %T", t))
}

func addToSet(t ruleset.AddToSet) string {
	words := fmt.Sprintf("SET --add-set %s %s --exist", t.Set, t.Direction)
	if t.Timeout != 0 {
		words += fmt.Sprintf(" --timeout %d", t.Timeout/time.Second)
	}
	return words
}

func rejectWith(t ruleset.Reject) string {
	switch {
	case t.Reset:
		return "tcp-reset"
	case t.Family == ruleset.V6:
		return "icmp6-port-unreachable"
	}
	return "icmp-port-unreachable"
}
