package source

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// recorder is what a compile reads through. It keeps what was read, for a
// generation, and, for root, looks in whose hands each file is: a profile is
// root's orders, and only root may write them.
type recorder struct {
	source *Source
	read   []generation.Source
	doubts diag.List
	blamed []string // what a doubt was about already: a folder has many files
}

// Profile implements profile.Files.
func (r *recorder) Profile(name string) ([]byte, error) {
	r.doubt(name)
	text, err := r.source.Files.Profile(name)
	return text, r.keep(name, generation.Profile, text, err)
}

// List implements profile.Files.
func (r *recorder) List(name string) ([]byte, profile.Format, error) {
	r.doubt(name)
	text, format, err := r.source.Files.List(name)
	return text, format, r.keep(name, generation.List, text, err)
}

// BuiltIn implements profile.Files.
func (r *recorder) BuiltIn() (profiles, lists []string) { return r.source.Files.BuiltIn() }

// keep keeps what was read, once, and returns the error of the reading.
func (r *recorder) keep(name string, kind generation.Kind, text []byte, err error) error {
	known := func(s generation.Source) bool { return s.Name == name && s.Kind == kind }
	if err == nil && !slices.ContainsFunc(r.read, known) {
		r.read = append(r.read, generation.Source{Name: name, Kind: kind, Text: text})
	}
	return err
}

// doubt looks at the file of that name. What cannot be found is not doubted: to
// read it fails with a better message.
func (r *recorder) doubt(name string) {
	if os.Geteuid() != 0 || strings.HasPrefix(name, "builtin:") {
		return
	}
	var wrong *safepath.Error
	if !errors.As(safepath.Trusted(r.source.way(name)), &wrong) || slices.Contains(r.blamed, wrong.Path) {
		return
	}
	r.blamed = append(r.blamed, wrong.Path)
	r.doubts.Add(diag.Diagnostic{
		Code: "others-may-write", Severity: r.source.severity(), Position: diag.Position{File: name},
		Message:    "users other than root can change this file: " + wrong.Path + " " + wrong.Reason,
		Note:       "root obeys a profile; plan and apply accept only files that root owns, or the user who became root",
		Suggestion: "read the profile, then copy it with its includes and lists to /etc/hardenctl, where only root can write",
	})
}

// way returns the path by which the file of that name was reached: to the profile
// that which the user typed, with the links on it.
func (s *Source) way(name string) string {
	switch {
	case name == s.Name:
		return s.path
	case filepath.IsAbs(name):
		return name
	}
	return s.folder + name // not joined: ".." after a link leads elsewhere
}

// severity is that of a file which others may write: it stops what reads or
// changes this host, and is worth a warning where it only compiles.
func (s *Source) severity() diag.Severity {
	if s.Live {
		return diag.Error
	}
	return diag.Warning
}
