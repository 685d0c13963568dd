// Package extension says what a host lacks when a tool has refused the rules or
// the sets of a bundle: which match, target or set type, whether the tool's
// library or the kernel's module is missing, which part of the profile needs it,
// which package brings it here, and how to do without.
//
// The tools say less. iptables-restore calls a match that it has no library for
// by its name, and of a target that it has none for it says `unknown option
// "--add-set"`; the kernel may say nothing but "No such file or directory".
package extension

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/distro"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/here"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// MissingError is the error of a host that lacks what a bundle needs.
type MissingError struct {
	// Extensions is what is missing, or where there is more than one, one of
	// which is: the tool did not say.
	Extensions []ruleset.Extension
	// Kernel says that the kernel does not have it; else the tools do not.
	Kernel bool
	Family ruleset.Family
	// Origins are the parts of the profile that need it.
	Origins []bundle.Origin
	// Err is what the tool said.
	Err error

	host    distro.Host
	release string // of the kernel
	shelf   bool   // whether there are modules for it
}

// Unwrap returns what the tool said.
func (e *MissingError) Unwrap() error { return e.Err }

// InRules returns a *MissingError if a tool refused the rules of a bundle because of
// an extension that this host lacks, and err otherwise.
func InRules(err error, family ruleset.Family, b *bundle.Bundle, file string) error {
	return in(err, family, readRules(family, b.File(file), b.Manifest.Rules))
}

// InText is InRules for rules without a known origin.
func InText(err error, family ruleset.Family, text []byte) error {
	return in(err, family, readRules(family, text, nil))
}

func in(err error, family ruleset.Family, rules []rule) error {
	var said *tool.Error
	if !errors.As(err, &said) {
		return err
	}
	found, kernel := culprits(said, family, rules)
	if len(found) == 0 {
		return err
	}
	if len(found) > 1 {
		rules = at(rules, said.Line) // who needs which is not known
	}
	return missing(MissingError{Extensions: found, Kernel: kernel, Family: family, Origins: origins(rules, found), Err: err})
}

// InSets is InRules for the lines that create the sets of a bundle.
func InSets(err error, b *bundle.Bundle) error {
	var said *tool.Error
	if !errors.As(err, &said) || !refusesType.MatchString(said.Words) {
		return err
	}
	refused := setfile.Sets([]byte(said.Text))
	if len(refused) == 0 {
		return err
	}
	ofType := map[string]bool{}
	for _, s := range setfile.Sets(b.File(bundle.Sets)) {
		ofType[s.Name] = s.Type == refused[0].Type
	}
	var wanted []bundle.Origin
	for _, s := range b.Manifest.Sets {
		if ofType[s.Name] {
			wanted = appendPart(wanted, s.Origin)
		}
	}
	return missing(MissingError{
		Extensions: []ruleset.Extension{{Kind: ruleset.SetExtension, Name: refused[0].Type}}, Kernel: true, Family: ruleset.V4, Origins: wanted, Err: err})
}

// missing fills in what the host is.
func missing(e MissingError) error {
	e.host, e.release = here.Host(), here.Release()
	_, err := os.Stat(filepath.Join(modulesFolder, e.release))
	e.shelf = err == nil
	return &e
}

// appendPart adds an origin unless its part is there.
func appendPart(list []bundle.Origin, o bundle.Origin) []bundle.Origin {
	if slices.ContainsFunc(list, func(have bundle.Origin) bool { return have.Part == o.Part }) {
		return list
	}
	return append(list, o)
}

// origins returns the parts that need one of the extensions.
func origins(rules []rule, of []ruleset.Extension) []bundle.Origin {
	var parts []bundle.Origin
	for _, r := range rules {
		if r.Origin.Part != "" && slices.ContainsFunc(r.uses, func(e ruleset.Extension) bool { return slices.Contains(of, e) }) {
			parts = appendPart(parts, r.Origin)
		}
	}
	return parts
}

// Error says what is missing, who needs it, and what to do, a line for each.
func (e *MissingError) Error() string {
	lines := slices.Concat([]string{e.what()}, e.needed(), e.install(), e.without(), []string{"the tool said: " + e.Err.Error()})
	return strings.Join(lines, "\n  ")
}

func (e *MissingError) what() string {
	var titles []string
	for _, x := range e.Extensions {
		titles = append(titles, distro.Title(x))
	}
	name := "the " + titles[0]
	if len(titles) > 1 {
		name = "one of these: " + strings.Join(titles, ", ")
	}
	if e.Kernel {
		return fmt.Sprintf("the kernel of this host (%s) does not have %s (%s)", e.release, name, strings.Join(e.modules(), ", "))
	}
	return fmt.Sprintf("this host does not have %s: no %s in %s", name, libraries(e.Extensions[0].Name, e.Family), strings.Join(folders(), ", "))
}

// most is how many parts of a profile a message names.
const most = 4

func (e *MissingError) needed() []string {
	var names []string
	for _, o := range e.Origins {
		names = append(names, fmt.Sprintf("%s (%s:%d)", o.Part, o.File, o.Line))
	}
	if len(names) == 0 {
		return nil
	}
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return []string{"it is needed by: " + strings.Join(names, ", ")}
}
