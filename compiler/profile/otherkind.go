package profile

import (
	"fmt"
	"path"

	"github.com/hardenctl/hardenctl/compiler/filekind"
)

// notProfile says that a text is a file of another kind than a profile, and what
// to do with it; nil if it is not known to be one.
func notProfile(name string, text []byte) *flaw {
	kind := filekind.Of(text)
	if kind == filekind.Unknown || kind == filekind.Profile {
		return nil
	}
	f := &flaw{Code: "not-a-profile", Message: fmt.Sprintf("%s is %s, not a profile", quote(name), kind)}
	switch kind {
	case filekind.SavedPlan:
		f.Suggestion = "hardenctl apply --plan FILE applies a saved plan"
	case filekind.List:
		f.Suggestion = fmt.Sprintf("name it in a set of a profile: [sets.NAME] files = [%s]", quote(name))
	case filekind.Manifest:
		f.Suggestion = "name the profile that the bundle was compiled from"
	default:
		f.Suggestion = "name a profile; hardenctl profiles lists the built-in ones"
	}
	return f
}

// notList says that a text is a file of another kind than a list, or a list of the
// other format than its name says; nil if it is not known to be one.
func notList(name string, text []byte) *flaw {
	kind := filekind.Of(text)
	f := &flaw{Code: "not-a-list", Message: fmt.Sprintf("%s is %s, not a list of addresses", quote(name), kind)}
	switch kind {
	case filekind.Unknown:
		return nil
	case filekind.Profile:
		f.Suggestion = fmt.Sprintf("write include = [%s]", quote(name))
	case filekind.List:
		return otherFormat(name, text)
	default:
		f.Suggestion = "name a file with one address, prefix or range a line"
	}
	return f
}

// otherFormat says that a list is JSON and its name does not end in .json, or the
// other way round.
func otherFormat(name string, text []byte) *flaw {
	isJSON := filekind.IsJSON(text)
	switch {
	case isJSON && path.Ext(name) != ".json":
		return &flaw{Code: "not-a-list", Message: fmt.Sprintf("%s is a JSON list", quote(name)), Suggestion: "let its name end in .json"}
	case !isJSON && path.Ext(name) == ".json":
		return &flaw{Code: "not-a-list", Message: fmt.Sprintf("%s is a list in text, not JSON", quote(name)), Suggestion: "let its name end in .txt"}
	}
	return nil
}
