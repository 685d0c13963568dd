package profile

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The most bytes that a profile and a list may have.
const (
	MaxProfile = 1 << 20
	MaxList    = 64 << 20
)

// Format is how a list is written.
type Format uint8

// The formats of lists.
const (
	Text Format = iota // one address, prefix or range a line
	JSON               // a crawler's prefixes
)

// Files reaches profiles and lists. A name is clean: "web.toml" or
// "lists/bad.txt" below the root profile's folder, "../site/bad.txt" beside it,
// "builtin:NAME", or an absolute path. Positions carry the same name.
type Files interface {
	// Profile returns the text of a profile of at most MaxProfile bytes.
	Profile(name string) ([]byte, error)
	// List returns the text of a list of at most MaxList bytes, and its format.
	List(name string) ([]byte, Format, error)
	// BuiltIn returns the names of the profiles and of the lists that are built
	// in, such as "builtin:web", sorted. They help who has mistyped one.
	BuiltIn() (profiles, lists []string)
}

// What Files may say about a name, besides fs.ErrNotExist.
var (
	ErrOutside  = errors.New("outside the folders that may be read")
	ErrTooLarge = errors.New("too large")
	ErrNotFile  = errors.New("not a regular file")
)

// Folders is a Files over folders that the caller opened. It follows no path
// out of them; that symbolic links do not either is the file systems' part
// (those of os.Root keep inside, those of os.DirFS do not).
type Folders struct {
	// Root is the folder of the root profile, At its absolute path without symbolic
	// links, from which names that go up are counted; empty if none may.
	Root fs.FS
	At   string
	// Builtins holds NAME.toml, and lists as lists/NAME.txt or lists/NAME.json.
	Builtins fs.FS
	// Allowed are the other folders that may be read, by absolute path.
	Allowed []Folder
}

// Folder is a folder under the absolute path by which profiles name it.
type Folder struct {
	Path string
	FS   fs.FS
}

// builtin begins the name of what is embedded in hardenctl.
const builtin = "builtin:"

func isBuiltin(name string) bool { return strings.HasPrefix(name, builtin) }

// Profile reads the profile of that name.
func (f Folders) Profile(name string) ([]byte, error) {
	if short, ok := strings.CutPrefix(name, builtin); ok {
		return read(f.Builtins, short+".toml", MaxProfile)
	}
	folder, rest, err := f.locate(name)
	if err != nil {
		return nil, err
	}
	return read(folder, rest, MaxProfile)
}

// List reads the list of that name. A name that ends in ".json" is JSON.
func (f Folders) List(name string) ([]byte, Format, error) {
	if short, ok := strings.CutPrefix(name, builtin); ok {
		return f.builtinList(short)
	}
	format := Text
	if path.Ext(name) == ".json" {
		format = JSON
	}
	folder, rest, err := f.locate(name)
	if err != nil {
		return nil, format, err
	}
	text, err := read(folder, rest, MaxList)
	return text, format, err
}

// BuiltIn names what is built in.
func (f Folders) BuiltIn() (profiles, lists []string) {
	if f.Builtins == nil {
		return nil, nil
	}
	find := func(patterns ...string) (found []string) {
		for _, pattern := range patterns {
			files, _ := fs.Glob(f.Builtins, pattern) // its one error is that of a bad pattern
			for _, file := range files {
				found = append(found, builtin+strings.TrimSuffix(path.Base(file), path.Ext(file)))
			}
		}
		slices.Sort(found)
		return found
	}
	return find("*.toml"), find("lists/*.txt", "lists/*.json")
}

func (f Folders) builtinList(name string) ([]byte, Format, error) {
	text, err := read(f.Builtins, "lists/"+name+".txt", MaxList)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, Text, err
	}
	text, err = read(f.Builtins, "lists/"+name+".json", MaxList)
	return text, JSON, err
}

// locate returns the folder of a name, and the name inside it. Of allowed
// folders inside one another the innermost counts.
func (f Folders) locate(name string) (folder fs.FS, rest string, err error) {
	known := f.Allowed
	switch up := name == ".." || strings.HasPrefix(name, "../"); {
	case up && f.At == "":
		return nil, "", ErrOutside
	case up:
		name = path.Join(f.At, name)
		known = append([]Folder{{f.At, f.Root}}, known...)
	case !path.IsAbs(name):
		return f.Root, name, nil
	}
	longest := ""
	for _, allowed := range known {
		root := path.Clean(allowed.Path)
		inside, ok := strings.CutPrefix(name, strings.TrimSuffix(root, "/")+"/")
		if ok && len(root) > len(longest) {
			longest, folder, rest = root, allowed.FS, inside
		}
	}
	if folder == nil {
		return nil, "", ErrOutside
	}
	return folder, rest, nil
}

// read reads a regular file of at most limit bytes. It looks before it opens:
// to open a FIFO waits for a writer, and a device may act.
func read(folder fs.FS, name string, limit int64) ([]byte, error) {
	if folder == nil || !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	about, err := fs.Stat(folder, name)
	if err != nil {
		return nil, err
	}
	if !about.Mode().IsRegular() {
		return nil, ErrNotFile
	}
	if about.Size() > limit {
		return nil, ErrTooLarge
	}
	file, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readOpen(file, limit)
}

// readOpen reads a file that may have changed since it was looked at.
func readOpen(file fs.File, limit int64) ([]byte, error) {
	about, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !about.Mode().IsRegular() {
		return nil, ErrNotFile
	}
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, ErrTooLarge
	}
	return text, err
}
