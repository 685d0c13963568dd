package restore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// Files are what a host boots from.
type Files struct {
	Sets   probe.BootFile
	Rules  map[ruleset.Family]probe.BootFile
	Closed map[ruleset.Family]probe.BootFile
	Sysctl probe.BootFile
	// Kept names the sets whose entries outlive a reboot, Bans holds them.
	Kept, Bans probe.BootFile
	// Applied says that hardenctl was applied here, whatever is left of it in the
	// files: without any the host must not be open.
	Applied bool

	// Leading names the chains of others to which jumps may come before ours.
	Leading []string

	last map[ruleset.Family]probe.BootFile // fallback rules, as they were applied last
	// refused are the paths of files that are there and were not read. Why not is in
	// the error of Read.
	refused map[string]bool
}

// Read reads the files of the host, and the bans that were saved. One that does not exist has no text. Nor has
// one that cannot be read, or is a link, which the error names: that is not a reason
// to load nothing.
func Read(p dataplane.Plane, bans string) (Files, error) {
	var failed error
	paths := bundle.Paths(p.Probe.Layout())
	refused := map[string]bool{}
	at := func(path string) probe.BootFile {
		texts, err := p.Files.Read(map[string]string{"": path})
		failed, refused[path] = errors.Join(failed, err), err != nil
		return probe.BootFile{Path: path, Text: texts[path]}
	}
	read := func(name string) probe.BootFile { return at(paths[name]) }
	return Files{
		Sets:   read(bundle.Sets),
		Rules:  map[ruleset.Family]probe.BootFile{ruleset.V4: read(bundle.RulesV4), ruleset.V6: read(bundle.RulesV6)},
		Closed: map[ruleset.Family]probe.BootFile{ruleset.V4: read(bundle.ClosedV4), ruleset.V6: read(bundle.ClosedV6)},
		Sysctl: read(bundle.Sysctl),
		Kept:   read(bundle.KeptSets),
		Bans:   at(bans),

		refused: refused,
	}, failed
}

// read returns an error if a file is there and was not read, which leaves it no text.
func (f Files) read(file probe.BootFile) error {
	if f.refused[file.Path] {
		return fmt.Errorf("%s was not read", file.Path)
	}
	return nil
}

// ours reports whether any of the files comes from an apply.
func (f Files) ours() bool {
	for _, family := range ruleset.Families {
		if f.Closed[family].Text != nil || owned.InFile(f.Rules[family].Text) {
			return true
		}
	}
	return false
}

// Close reports whether the files say for both families how to close the host.
func (f Files) Close() bool {
	return closes(f.Closed[ruleset.V4].Text) && closes(f.Closed[ruleset.V6].Text)
}

// ClosedBy takes the fallback rules of a bundle, for where the files have none.
// folder is where it is kept.
func (f Files) ClosedBy(b *bundle.Bundle, folder string) Files {
	f.last = map[ruleset.Family]probe.BootFile{}
	for family, name := range map[ruleset.Family]string{ruleset.V4: bundle.ClosedV4, ruleset.V6: bundle.ClosedV6} {
		f.last[family] = probe.BootFile{Path: filepath.Join(folder, name), Text: b.File(name)}
	}
	return f
}

// closed are the fallback rules of a family: those of the files, or else the last
// that were applied.
func (f Files) closed(family ruleset.Family) probe.BootFile {
	if last := f.last[family]; !closes(f.Closed[family].Text) && closes(last.Text) {
		return last
	}
	return f.Closed[family]
}

// errForeign is the error of a rules file over which somebody has saved others,
// such as those of a moment in which there were none.
func errForeign(path string) error {
	return fmt.Errorf("%s does not have hardenctl's rules in INPUT any more: somebody has saved others over them; run hardenctl apply", path)
}

// withoutTrial takes out of the files what somebody has saved into them in the
// middle of a trial, and says so.
func (f Files) withoutTrial(say func(string)) Files {
	leave := func(file probe.BootFile, ended []byte) probe.BootFile {
		if !bytes.Equal(file.Text, ended) {
			say(file.Path + " was saved by someone during a trial; the trial's rules are ignored; the next `hardenctl apply` repairs the file")
			file.Text = ended
		}
		return file
	}
	f.Sets = leave(f.Sets, trial.EndSets(f.Sets.Text))
	f.Rules = maps.Clone(f.Rules)
	for _, family := range ruleset.Families {
		f.Rules[family] = leave(f.Rules[family], trial.EndRules(family, f.Rules[family].Text))
	}
	return f
}
