package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// resolve makes the clean name of a file that the file from names. A relative
// name counts from the folder of from. One that goes up and out of the root
// profile's folder begins with "../"; Files decides whether it may be read.
func resolve(from, name string) (string, *flaw) {
	switch {
	case strings.HasPrefix(name, builtin):
		return resolveBuiltin(name)
	case name == "" || !isPrintable(name):
		return "", &flaw{Code: "bad-name", Message: quote(name) + " is not the name of a file"}
	case strings.HasPrefix(from, builtin):
		return "", &flaw{
			Code:       "outside-folder",
			Message:    fmt.Sprintf("a built-in profile cannot read the file %s", quote(name)),
			Suggestion: `name a built-in one, such as "builtin:base"`,
		}
	}
	if !path.IsAbs(name) {
		name = path.Join(path.Dir(from), name)
	}
	return path.Clean(name), nil
}

func resolveBuiltin(name string) (string, *flaw) {
	if short := strings.TrimPrefix(name, builtin); !isName(short, 64) {
		return "", &flaw{
			Code:       "bad-name",
			Message:    quote(name) + " is not the name of a built-in profile or list",
			Suggestion: `names look like "builtin:base"`,
		}
	}
	return name, nil
}

func outside(name string) *flaw {
	return &flaw{
		Code:       "outside-folder",
		Message:    quote(name) + " lies outside the profile's folder",
		Note:       "a profile reads its own folder and below, and folders that the command line allows",
		Suggestion: "move the file into the profile's folder, or allow its folder",
	}
}

// unreadable says why a file could not be read: what is "profile" or "list".
// It never shows what the file holds.
func unreadable(what, name string, limit int64, err error) *flaw {
	var at *fs.PathError
	switch {
	case errors.Is(err, ErrOutside):
		return outside(name)
	case errors.Is(err, fs.ErrNotExist):
		return &flaw{Code: "missing-file", Message: fmt.Sprintf("there is no %s %s", what, quote(name))}
	case errors.Is(err, ErrTooLarge):
		return &flaw{Code: "too-large", Message: fmt.Sprintf("%s %s is larger than %d MiB", what, quote(name), limit>>20)}
	case errors.Is(err, ErrNotFile):
		return &flaw{Code: "not-a-file", Message: fmt.Sprintf("%s %s is not a regular file", what, quote(name))}
	case errors.As(err, &at):
		err = at.Err // without the path, which may be this machine's own
	}
	return &flaw{Code: "unreadable", Message: fmt.Sprintf("%s %s cannot be read: %v", what, quote(name), err)}
}

// meantBuiltIn returns which of the names that are built in was meant by one that
// leads nowhere, and the list of them for who tried one of these.
func meantBuiltIn(name string, builtIn []string) (suggestion, note string) {
	short := strings.TrimSuffix(strings.TrimPrefix(name, builtin), path.Ext(name))
	if slices.Contains(builtIn, builtin+short) {
		return fmt.Sprintf("write %q for the one that is built in", builtin+short), ""
	}
	if isBuiltin(name) {
		note = known("these are built in:", builtIn)
	}
	return didYouMean(builtin+short, builtIn), note
}

// isName reports whether name is of letters, digits and hyphens, at most limit
// bytes, and begins with a letter or digit.
func isName(name string, limit int) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' && i > 0) {
			return false
		}
	}
	return name != "" && len(name) <= limit
}

// isPrintable reports whether text is printable ASCII.
func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// flaw is what is wrong with a text, before its place is known.
type flaw struct{ Code, Message, Note, Suggestion string }

// at makes a diagnostic of the flaw.
func (f *flaw) at(pos diag.Position, subject string) diag.Diagnostic {
	return diag.Diagnostic{
		Code: f.Code, Position: pos, Subject: subject,
		Message: f.Message, Note: f.Note, Suggestion: f.Suggestion,
	}
}
