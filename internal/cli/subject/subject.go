// Package subject opens the rules that a question is about, as a command names them: a
// profile, a bundle, a file of iptables-save, a generation, or this host.
package subject

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/filekind"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/starter"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/host/escape"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// Profile compiles a profile, and reports what is wrong with it as check does.
func Profile(cmd *cobra.Command, args, allowed []string, asJSON bool) (*answer.Subject, error) {
	s, err := source.Open(args, allowed)
	if err != nil {
		return nil, err
	}
	b, err := s.Compile(cmd, asJSON)
	if err != nil {
		return nil, err
	}
	return answer.Of(s.Display(s.Name), b, s.Display)
}

// Dump reads what iptables-save or ip6tables-save printed, and what ipset save did where
// sets names a file. A family of 0 is told by the text.
func Dump(rules, sets string, family ruleset.Family) (*answer.Subject, error) {
	members, err := membersIn(sets)
	if err != nil {
		return nil, err
	}
	d, err := dump(rules, members, family)
	if err != nil {
		return nil, err
	}
	return answer.New(rules, map[ruleset.Family]*exact.Firewall{d.Family: d.Firewall}, bundle.Manifest{}, nil), nil
}

// membersIn is the text of a file of ipset save; nil without a file.
func membersIn(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	return safepath.ReadAny(file)
}

// dump reads a file of rules.
func dump(rules string, members []byte, family ruleset.Family) (d starter.Dump, err error) {
	text, err := safepath.ReadAny(rules)
	if err != nil {
		return d, err
	}
	if kind := filekind.Of(text); kind != filekind.Rules && kind != filekind.Unknown {
		return d, fmt.Errorf("%s is %s, not the output of iptables-save", rules, kind)
	}
	if family == 0 {
		family = familyOf(string(text))
	}
	f, err := exact.Read(family, text, members)
	if err != nil {
		return d, fmt.Errorf("%s: %w", rules, err)
	}
	return starter.Dump{File: rules, Family: family, Text: text, Firewall: f}, nil
}

// Live reads the rules and sets of this host, and says what else decides about packets here.
// It needs root.
func Live(cmd *cobra.Command) (*answer.Subject, error) {
	now, err := local.Host.Now(cmd.Context())
	if err != nil {
		return nil, fmt.Errorf("--live: %w", err)
	}
	tables := map[ruleset.Family][]tablefile.Table{}
	for id, t := range now.Have.Tables {
		tables[id.Family] = append(tables[id.Family], t)
	}
	var sets []setfile.Set
	for _, set := range now.Have.Sets {
		sets = append(sets, set.Declared)
	}
	firewalls := map[ruleset.Family]*exact.Firewall{}
	for _, family := range now.Families {
		if firewalls[family], err = exact.Now(family, tables[family], sets, now.Members); err != nil {
			return nil, fmt.Errorf("the IPv%d rules of this host: %w", family, err)
		}
	}
	for _, note := range now.Notes {
		fmt.Fprintln(cmd.ErrOrStderr(), "hardenctl: not in this answer: "+escape.Line(note))
	}
	s := answer.New("this host", firewalls, bundle.Manifest{}, nil)
	if now.Applied != nil {
		err = s.Borrow(now.Applied)
	}
	return s, err
}

// Generation opens what an apply made of this host. Only root can read it.
func Generation(number int) (*answer.Subject, error) {
	kept, err := local.Host.Generations.Open(number)
	switch {
	case errors.Is(err, generation.ErrNone):
		return nil, fmt.Errorf("no generation %d, and no file of that name; `hardenctl history` lists the generations", number)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("only root can read generation %d", number)
	case err != nil:
		return nil, fmt.Errorf("generation %d: %w", number, err)
	}
	return answer.Of(fmt.Sprintf("generation %d", number), kept.Bundle, nil)
}

// Named opens what an argument names: a profile, the folder of a bundle, the file of a
// dump, or a generation by its number.
func Named(cmd *cobra.Command, arg, sets string, allowed []string, asJSON bool) (*answer.Subject, error) {
	if strings.HasPrefix(arg, "builtin:") {
		return Profile(cmd, []string{arg}, allowed, asJSON)
	}
	if stat, err := os.Stat(arg); err == nil && stat.IsDir() {
		b, err := bundle.ReadFolder(os.DirFS(arg))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		return answer.Of(arg, b, nil)
	}
	text, err := safepath.ReadAny(arg)
	if number, notNumber := strconv.Atoi(arg); notNumber == nil && errors.Is(err, fs.ErrNotExist) {
		return Generation(number)
	}
	if err == nil && isDump(text) {
		return Dump(arg, sets, 0)
	}
	return Profile(cmd, []string{arg}, allowed, asJSON)
}

// isDump reports whether a text is one of iptables-save.
func isDump(text []byte) bool {
	return filekind.Of(text) == filekind.Rules || strings.HasPrefix(string(text), "# Generated by ip")
}

// familyOf tells the family of a dump by what only IPv6 has: the tool that printed it, an
// address, a match or a target. Comments and prefixes of log lines are not looked at.
func familyOf(text string) ruleset.Family {
	for line := range tablefile.Lines(text) {
		if line.Kind == tablefile.Comment && strings.HasPrefix(line.Text, "# Generated by ip6tables") ||
			line.Kind == tablefile.Command && isIPv6(line.Rule) {
			return ruleset.V6
		}
	}
	return ruleset.V4
}

// isIPv6 reports whether a rule can only be one of IPv6.
func isIPv6(r tablefile.Rule) bool {
	asked, _ := r.Matches() // Read says what is wrong with a rule that cannot be split
	words := r.TargetOptions()
	if r.Target() == "LOG" || r.Target() == "NFLOG" {
		words = nil
	}
	for _, m := range asked {
		switch m.Name {
		case "icmp6", "hl", "ipv6header", "frag", "rt", "mh", "dst", "hbh", "eui64":
			return true
		case "comment", "string":
		default:
			words = append(words, m.Words...)
		}
	}
	return slices.ContainsFunc(words, func(word string) bool {
		host, _, _ := strings.Cut(strings.TrimPrefix(word, "["), "]")
		host, _, _ = strings.Cut(host, "/")
		host, _, _ = strings.Cut(host, "-")
		a, err := netip.ParseAddr(host)
		return err == nil && a.Is6() || word == "ipv6-icmp" || strings.HasPrefix(word, "icmp6-")
	})
}
