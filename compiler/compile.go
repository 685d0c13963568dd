// Package compiler is the entry point of the compiler: a profile goes in, a
// bundle or diagnostics come out.
//
// It is pure. It executes nothing, asks no clock and no host, and reads only
// through the file systems that it is handed; equal input gives equal bytes.
package compiler

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/check"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/lower"
	"github.com/hardenctl/hardenctl/compiler/needs"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/proof"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Compile reads the profile called name and returns its bundle. The bundle is
// nil if any diagnostic is an error; warnings come beside a bundle.
func Compile(name string, files profile.Files) (*bundle.Bundle, diag.List) {
	rs, diags := Lower(name, files)
	if rs == nil {
		return nil, diags
	}
	return seal(name, rs), diags
}

// Check is Compile, and holds the rules of the bundle to the profile: what they do that it
// does not state is a diagnostic too. A bundle may come beside errors of this kind.
func Check(name string, files profile.Files) (*bundle.Bundle, diag.List) {
	p, rs, diags := lowered(name, files)
	if rs == nil {
		return nil, sorted(diags)
	}
	b := seal(name, rs)
	return b, sorted(append(diags, p.Own(proof.Bundle(p, b))...))
}

// Build returns the bundle of a profile that was read without errors, or of a
// copy of one with other numbers in it. Nothing is checked.
func Build(name string, p *profile.Profile) *bundle.Bundle {
	rs, _ := lower.Lower(name, p)
	return seal(name, rs)
}

func seal(name string, rs *ruleset.Ruleset) *bundle.Bundle {
	return bundle.Seal(emit.Files(rs), describe(name, rs))
}

// Lower returns the ruleset of a profile, the typed form of what Compile
// emits. It is nil if any diagnostic is an error.
func Lower(name string, files profile.Files) (*ruleset.Ruleset, diag.List) {
	_, rs, diags := lowered(name, files)
	return rs, sorted(diags)
}

// lowered is Lower, with the profile.
func lowered(name string, files profile.Files) (*profile.Profile, *ruleset.Ruleset, diag.List) {
	p, diags := profile.Read(name, files)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	diags = slices.Concat(diags, p.Own(slices.Concat(check.Profile(p), check.Knocks(name, p))))
	if diags.HasErrors() {
		return nil, nil, diags
	}
	rs, clashes := lower.Lower(name, p)
	diags = append(diags, p.Own(append(clashes, needs.Check(rs)...))...)
	if clashes.HasErrors() {
		return nil, nil, diags
	}
	return p, rs, diags
}

// sorted returns the list as people are shown it.
func sorted(list diag.List) diag.List {
	list.Sort()
	return list.Cut()
}
