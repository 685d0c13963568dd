package fake

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// fileMode is the mode of every file.
const fileMode fs.FileMode = 0o600

type files struct{ m *Machine }

// Paths implements dataplane.Files.
func (f files) Paths(b *bundle.Bundle, layout bundle.Layout) map[string]string {
	return bootfiles.Paths(b, layout)
}

// Read implements dataplane.Files.
func (f files) Read(paths map[string]string) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, path := range paths {
		texts[path] = f.m.Files[path]
	}
	return texts, nil
}

// Modes implements dataplane.Files: no mode has to change.
func (f files) Modes(texts map[string][]byte) (have, want map[string]fs.FileMode, err error) {
	have, want = map[string]fs.FileMode{}, map[string]fs.FileMode{}
	for path := range texts {
		if f.m.Files[path] != nil {
			have[path], want[path] = fileMode, fileMode
		}
	}
	return have, want, nil
}

// Prepare implements dataplane.Files.
func (f files) Prepare(path string, have, text []byte) (dataplane.Replacement, error) {
	err := f.m.do("prepare "+path, func() error { f.m.beside[path] = true; return nil })
	if err != nil {
		delete(f.m.beside, path) // nothing is left behind on an error
		return nil, err
	}
	return &replacement{m: f.m, path: path, have: have, text: text}, nil
}

// Replace implements dataplane.Files.
func (f files) Replace(path string, text []byte) error {
	return f.m.do("replace "+path, func() error { f.m.Files[path] = text; return nil })
}

// Sweep implements dataplane.Files.
func (f files) Sweep(paths []string) error {
	for _, path := range paths {
		if !f.m.beside[path] {
			continue
		}
		err := f.m.do("sweep "+path, func() error { delete(f.m.beside, path); return nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// EndTrial implements dataplane.Files.
func (f files) EndTrial() (changed []string, err error) {
	paths := bundle.Paths(bundle.Debian)
	ends := map[string]func([]byte) []byte{
		bundle.Sets:    trial.EndSets,
		bundle.RulesV4: func(text []byte) []byte { return trial.EndRules(ruleset.V4, text) },
		bundle.RulesV6: func(text []byte) []byte { return trial.EndRules(ruleset.V6, text) },
	}
	for _, name := range []string{bundle.Sets, bundle.RulesV4, bundle.RulesV6} {
		path := paths[name]
		ended := ends[name](f.m.Files[path])
		if bytes.Equal(ended, f.m.Files[path]) {
			continue
		}
		if err := f.Replace(path, ended); err != nil {
			return changed, err
		}
		changed = append(changed, path)
	}
	return changed, nil
}

// replacement is a file that is about to change.
type replacement struct {
	m          *Machine
	path       string
	have, text []byte
	put        bool
}

// Put implements dataplane.Replacement.
func (r *replacement) Put() error {
	return r.m.do("put "+r.path, func() error {
		now := r.m.Files[r.path]
		if !bytes.Equal(now, r.have) || (now == nil) != (r.have == nil) {
			return fmt.Errorf("%s has been changed since it was read; run it again", r.path)
		}
		r.put = true
		r.m.set(r.path, r.text)
		return nil
	})
}

// Back implements dataplane.Replacement.
func (r *replacement) Back() error {
	if !r.put {
		return nil
	}
	return r.m.do("put back "+r.path, func() error { r.m.set(r.path, r.have); return nil })
}

// set gives a path a text; nil removes the file.
func (m *Machine) set(path string, text []byte) {
	if m.Files[path] = text; text == nil {
		delete(m.Files, path)
	}
}

// Discard implements dataplane.Replacement.
func (r *replacement) Discard() error {
	if !r.m.beside[r.path] {
		return nil
	}
	return r.m.do("discard "+r.path, func() error { delete(r.m.beside, r.path); return nil })
}
