package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// WriteFolder writes the files and the manifest into dir, which it makes if it
// is missing. Each file is written beside its place and renamed, so that a
// reader finds the old one or the new one, and the manifest comes last: a
// folder in which only some files are new does not pass ReadFolder. A file that
// an earlier bundle left and that this one has not is removed. Everything else
// in the folder is somebody's: a file of his under one of a bundle's names is
// an error, and nothing is written.
func (b *Bundle) WriteFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for the bundle: %w", err)
	}
	left := earlier(dir)
	all := places(slices.Concat(b.names(), slices.Collect(maps.Keys(left)))...)
	if err := inTheWay(dir, all, left); err != nil {
		return err
	}
	for _, f := range b.Files {
		if err := writeFile(dir, f); err != nil {
			return err
		}
	}
	for _, k := range all {
		if b.has(k.name) {
			continue
		}
		if err := removeFile(dir, k.name); err != nil {
			return fmt.Errorf("remove a file of an earlier bundle: %w", err)
		}
	}
	return writeFile(dir, File{ManifestName, b.ManifestText()})
}

// inTheWay returns an error if the folder has a file under a bundle's name that
// is of no bundle: one that the manifest there does not list, as left does.
func inTheWay(dir string, all []place, left map[string]bool) error {
	names := []string{ManifestName}
	for _, k := range all {
		names = append(names, k.name)
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && !left[name] {
			return fmt.Errorf("%s is in the way and of no bundle; choose another folder", filepath.Join(dir, name))
		}
	}
	return nil
}

// earlier returns the names of the files that an earlier bundle left in a
// folder, by its manifest; none if there is no manifest of a bundle.
func earlier(dir string) map[string]bool {
	text, err := readBounded(os.DirFS(dir), ManifestName)
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

// removeFile removes a file if it is there, and the folder of the bundle's that
// it was the last in.
func removeFile(dir, name string) error {
	err := os.Remove(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if folder := filepath.Dir(name); err == nil && folder != "." {
		os.Remove(filepath.Join(dir, folder)) // fails where it holds anything else
	}
	return err
}

// writeFile writes a file with the mode that it has where it is installed: a
// profile that only its owner can read is no secret any more where all can read
// its rules. The manifest has the sequences of knocks.
func writeFile(dir string, f File) error {
	name := f.Name
	place := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(place), 0o755)
	if err != nil {
		return fmt.Errorf("make the folder of %s: %w", name, err)
	}
	temp, err := os.CreateTemp(filepath.Dir(place), "."+filepath.Base(place)+".*")
	if err != nil {
		return fmt.Errorf("write %s of the bundle: %w", name, err)
	}
	_, err = temp.Write(f.Text)
	err = errors.Join(err, temp.Chmod(ModeAt(Paths(Debian, name)[name])), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), place)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s of the bundle: %w", name, err), os.Remove(temp.Name()))
	}
	return nil
}

// ReadFolder reads a bundle that WriteFolder wrote. It takes only what this
// package could have written: a manifest of the known Format whose files are
// known, go where they belong, and have the contents that the manifest states.
func ReadFolder(fsys fs.FS) (*Bundle, error) {
	text, err := readBounded(fsys, ManifestName)
	if err != nil {
		return nil, fmt.Errorf("read a bundle: %w; is this a folder that `hardenctl compile -o` wrote?", err)
	}
	b := &Bundle{}
	if b.Manifest, err = parseManifest(text); err != nil {
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

// ParseManifest reads the text of a manifest that WriteFolder wrote. It looks at no
// file.
func ParseManifest(text []byte) (Manifest, error) { return parseManifest(text) }

// parseManifest reads the format before anything else, since a later format may
// have parts that this one does not know.
func parseManifest(text []byte) (Manifest, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return Manifest{}, fmt.Errorf("this is no manifest: %w; compile the profile again", err)
	}
	if head.Format != Format {
		return Manifest{}, fmt.Errorf("the manifest has format %d and this hardenctl knows format %d; compile the profile again", head.Format, Format)
	}
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("this is no manifest: %w; compile the profile again", err)
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
			return fmt.Errorf("%q is no file of a bundle, or is not in its place; compile the profile again", e.Name)
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
