// Package source opens what a PROFILE argument names, compiles it, and says what is wrong
// with it: also who but root could change the files that root is to obey.
package source

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/filekind"
	"github.com/hardenctl/hardenctl/compiler/needs"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/profiles"
)

// Default is the profile of a host.
const Default = "/etc/hardenctl/profile.toml"

// Source is a PROFILE argument, opened.
type Source struct {
	path   string // as the user typed it
	Name   string // by which positions refer to it: "web.toml", "builtin:web"
	folder string // in front of file names in messages; empty for a built-in
	Files  profile.Folders
	// Live says that this host is compared with what the profile says, or
	// changed to it.
	Live bool
	// Now is the time by which parts of the profile have expired; the zero Time for no word of it.
	// On a Live source it is the time of this host.
	Now time.Time
	// Early says that the host may change before it is compared: which lists have
	// shrunk is not known yet.
	Early bool
	// Quiet leaves out warnings: they were said before.
	Quiet bool
	// Read is what the compile read, whole.
	Read []generation.Source
}

// Open opens what the arguments of a command name. The folders are
// opened as roots, which no symbolic link leads out of.
func Open(args, allowed []string) (*Source, error) {
	path := Default
	if len(args) > 0 {
		path = args[0]
	}
	s := &Source{path: path, Files: profile.Folders{Builtins: profiles.FS()}}
	for _, folder := range allowed {
		if err := s.allow(folder); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(path, "builtin:") {
		s.Name = path
		return s, nil
	}
	if isBundle(path) {
		return nil, fmt.Errorf("%s is the folder of a bundle, not a profile; name the profile that the bundle was compiled from", path)
	}
	s.folder, s.Name = filepath.Split(followed(path))
	if s.Name == "" {
		return nil, fmt.Errorf("%q is not a file name; name the profile's file", path)
	}
	root, err := os.OpenRoot(cmp.Or(s.folder, "."))
	if err != nil {
		return nil, explain(path, err)
	}
	s.Files.Root, s.Files.At = root.FS(), real(cmp.Or(s.folder, "."))
	return s, nil
}

// followed returns the file that a path leads to if it is a symbolic link: the
// user named it, unlike the links that a profile may lead to.
func followed(path string) string {
	stat, err := os.Lstat(path)
	if err != nil || stat.Mode()&os.ModeSymlink == 0 {
		return path
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return path // opening it will say why
	}
	return target
}

func (s *Source) allow(folder string) error {
	path, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return fmt.Errorf("--allow needs a folder: %w", err)
	}
	s.Files.Allowed = append(s.Files.Allowed, profile.Folder{Path: path, FS: root.FS()}, profile.Folder{Path: real(path), FS: root.FS()})
	return nil
}

// real returns the absolute path of a folder without symbolic links, by which ".."
// counts and under which a profile may name what the command line calls otherwise.
func real(folder string) string {
	path, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	if short, err := filepath.EvalSymlinks(path); err == nil {
		return short
	}
	return path
}

func explain(path string, err error) error {
	if path == Default && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no profile %s; name a profile, such as builtin:server, or create this file", Default)
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no profile %s: its folder does not exist", path)
	}
	return err
}

// Display returns a file's name as the user would type it.
func (s *Source) Display(file string) string {
	if s.folder == "" || strings.HasPrefix(file, "builtin:") || filepath.IsAbs(file) {
		return file
	}
	return s.folder + file
}

// text returns the text of a file by the name that positions carry, for
// excerpts; nil where it cannot be read.
func (s *Source) text(file string) []byte {
	if text, err := s.Files.Profile(file); err == nil {
		return text
	}
	text, _, _ := s.Files.List(file)
	return text
}

// Compile compiles the profile and reports what is wrong with it on the
// command's standard error. With asJSON, the report of a profile which gives no
// bundle is JSON on standard output; warnings beside a bundle
// stay on standard error, since the bundle's own JSON follows. An error means
// that there is no bundle.
func (s *Source) Compile(cmd *cobra.Command, asJSON bool) (*bundle.Bundle, error) {
	b, list := s.diagnose(compiler.Compile)
	if asJSON && b == nil {
		if err := s.JSON(cmd.OutOrStdout(), list); err != nil {
			return nil, err
		}
	} else if b == nil || !s.Quiet {
		s.Print(cmd, list)
	}
	if b == nil {
		return nil, exitcode.ExitError{Code: exitcode.Error}
	}
	return b, nil
}

// Check returns all that is wrong with the profile, and with the rules that are compiled
// from it.
func (s *Source) Check() diag.List {
	_, list := s.diagnose(compiler.Check)
	return list
}

// diagnose compiles the profile. There is no bundle if any diagnostic is an error.
func (s *Source) diagnose(compile func(string, profile.Files) (*bundle.Bundle, diag.List)) (*bundle.Bundle, diag.List) {
	r := &recorder{source: s}
	b, list := compile(s.Name, r)
	list, s.Read = slices.Concat(r.doubts, list), r.read
	if s.Live && b != nil {
		// What other distributions lack is nothing to this host.
		list = slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return d.Code == needs.NotPortable })
		if !s.Early {
			list = append(list, shrunk(b)...)
		}
		s.Now = time.Now()
	}
	if b != nil && !s.Now.IsZero() {
		list = append(list, b.Manifest.Expiring(s.Now)...)
	}
	if list.HasErrors() {
		b = nil
	}
	return b, list
}

// JSON writes diagnostics for programs, files named as profiles name them.
func (s *Source) JSON(w io.Writer, list diag.List) error {
	return terminal.JSON(w, diagnosticsView(list))
}

// Shown are diagnostics with files named as the user would, and a function that returns the
// text of each file by that name.
func (s *Source) Shown(list diag.List) (shown diag.List, text func(file string) []byte) {
	texts := map[string][]byte{} // of the files in the list, each read once
	display := func(p *diag.Position) {
		name := p.File
		p.File = s.Display(name)
		if _, read := texts[p.File]; !read {
			texts[p.File] = s.text(name)
		}
	}
	for _, d := range list {
		display(&d.Position)
		d.Related = slices.Clone(d.Related)
		for i := range d.Related {
			display(&d.Related[i].Position)
		}
		shown = append(shown, d)
	}
	return shown, func(file string) []byte { return texts[file] }
}

// Print writes diagnostics for a person, files named as the user would.
func (s *Source) Print(cmd *cobra.Command, list diag.List) {
	w := cmd.ErrOrStderr()
	shown, text := s.Shown(list)
	diag.Print(w, shown, text, terminal.Colourful(w))
}

// isBundle reports whether a path is that of a bundle's folder.
func isBundle(path string) bool {
	text, err := safepath.ReadAny(path + "/manifest.json")
	return err == nil && filekind.Of(text) == filekind.Manifest
}
