package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/document"
)

// Over says what becomes of a folder's files when the bundle is written into it:
// gone are those that an earlier bundle left there and that this one has not, and
// foreign is one under a bundle's name that is of no bundle, which must not be
// replaced; "" for none.
func (b *Bundle) Over(there fs.FS) (gone []string, foreign string) {
	left := earlier(there)
	names := []string{ManifestName}
	for _, k := range places(slices.Concat(b.names(), slices.Collect(maps.Keys(left)))...) {
		names = append(names, k.name)
	}
	for _, name := range names {
		if !left[name] && isThere(there, name) {
			return nil, name
		}
		if left[name] && name != ManifestName && !b.has(name) {
			gone = append(gone, name)
		}
	}
	return gone, ""
}

// isThere reports whether a folder has an entry of that name, be it a link that
// leads nowhere.
func isThere(there fs.FS, name string) bool {
	entries, _ := fs.ReadDir(there, path.Dir(name)) // of none there is no entry
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == path.Base(name) })
}

// earlier returns the names of the files that an earlier bundle left in a
// folder, by its manifest; none if there is no manifest of a bundle.
func earlier(there fs.FS) map[string]bool {
	text, err := readBounded(there, ManifestName)
	if err != nil {
		return nil
	}
	var m Manifest
	if json.Unmarshal(text, &m) != nil || m.Format == 0 || m.Files == nil {
		return nil
	}
	names := map[string]bool{ManifestName: true}
	for _, f := range m.Files {
		names[f.Name] = true
	}
	return names
}

// has reports whether the bundle has the named file, though it be empty.
func (b *Bundle) has(name string) bool {
	for _, f := range b.Files {
		if f.Name == name {
			return true
		}
	}
	return false
}

// All returns the files in the order in which they are written: the manifest comes
// last, so that a folder in which only some files are new does not pass ReadFolder.
func (b *Bundle) All() []File {
	return append(slices.Clone(b.Files), File{ManifestName, b.ManifestText()})
}

// Mode is the mode of a file in a bundle's folder, the one that it has where it is
// installed: a profile that only its owner can read is not a secret any more where all
// can read its rules. The manifest has the sequences of knocks.
func (f File) Mode() fs.FileMode { return ModeAt(Paths(Debian, f.Name)[f.Name]) }

// ReadFolder reads a bundle that was written as All and Over say. It takes only what this
// package could have written: a manifest of the known Format whose files are
// known, go where they belong, and have the contents that the manifest states.
func ReadFolder(fsys fs.FS) (*Bundle, error) {
	text, err := readBounded(fsys, ManifestName)
	if err != nil {
		return nil, fmt.Errorf("read a bundle: %w; is this a folder that `hardenctl compile -o` wrote?", err)
	}
	b := &Bundle{}
	if b.Manifest, err = ParseManifest(text); err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestName, err)
	}
	for _, e := range b.Manifest.Files {
		f, err := readFile(fsys, e)
		if err != nil {
			return nil, err
		}
		b.Files = append(b.Files, f)
	}
	return b, nil
}

// kind is that of manifests.
var kind = document.Kind{Name: "manifest", Format: Format}

// ParseManifest reads the text of a manifest. It looks at no file.
func ParseManifest(text []byte) (m Manifest, err error) {
	err = kind.Decode(text, &m)
	var broken *document.BrokenError
	switch {
	case errors.As(err, &broken):
		return Manifest{}, fmt.Errorf("this is not a valid manifest: %w; compile the profile again", broken.Err)
	case err != nil:
		return Manifest{}, fmt.Errorf("%w; compile the profile again", err)
	}
	return m, checkFiles(m.Files)
}

// checkFiles holds the entries to the table of known files, in its order: a
// manifest decides what root writes where.
func checkFiles(entries []FileEntry) error {
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	all, next := places(names...), 0
	for _, e := range entries {
		for next < len(all) && all[next].name != e.Name {
			next++
		}
		if next == len(all) {
			return fmt.Errorf("%q is not a file of a bundle, or is not in its place; compile the profile again", e.Name)
		}
		// Before 0640 there was 0644 alone, in generations that are kept.
		if e.Mode != all[next].mode && e.Mode != open || !maps.Equal(e.Targets, all[next].targets) {
			return fmt.Errorf("%s: the manifest states targets or a mode that bundles do not have; compile the profile again", e.Name)
		}
		next++
	}
	return nil
}

func readFile(fsys fs.FS, e FileEntry) (File, error) {
	text, err := readBounded(fsys, e.Name)
	if err != nil {
		return File{}, fmt.Errorf("read a file of the bundle: %w; the manifest lists it, so compile the profile again", err)
	}
	if sum := checksum(text); sum != e.SHA256 {
		return File{}, fmt.Errorf("%s is not the file that the manifest lists: its SHA-256 is %s, the manifest's %s; "+
			"compile the profile again, or see what changed with `hardenctl compile --check`", e.Name, sum, e.SHA256)
	}
	return File{Name: e.Name, Text: text}, nil
}

// mostBytes is the largest file of a bundle that is read: the sets of a million
// entries of each family are 80 MiB.
const mostBytes = 256 << 20

// readBounded reads a file, if it is a regular one and not larger than mostBytes.
func readBounded(fsys fs.FS, name string) ([]byte, error) {
	stat, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return nil, err
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case stat.Size() > mostBytes:
		return nil, fmt.Errorf("%s is larger than %d MiB, which no file of a bundle is", name, mostBytes>>20)
	}
	return fs.ReadFile(fsys, name)
}
