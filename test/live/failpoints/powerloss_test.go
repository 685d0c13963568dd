package failpoints

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// disk is a model of what a file system has in memory and what of it is on the
// disk: of a file its text, of a folder the names in it. Each is on the disk when
// it was synced, and not before.
type disk struct{ root *node }

// node is a file or a folder; a file has no names.
type node struct {
	text, synced       string
	names, syncedNames map[string]*node
}

func newFolder() *node {
	return &node{names: map[string]*node{}, syncedNames: map[string]*node{}}
}

// readDisk reads folders of which everything is on the disk.
func readDisk(t *testing.T, folders ...string) disk {
	t.Helper()
	d := disk{newFolder()}
	for _, folder := range folders {
		require.NoError(t, filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			d.folder(filepath.Dir(path)).names[filepath.Base(path)] = &node{text: string(text)}
			return err
		}))
		d.folder(folder)
	}
	d.root.syncAll()
	return d
}

func (n *node) syncAll() {
	n.sync()
	for _, below := range n.names {
		below.syncAll()
	}
}

func (n *node) sync() { n.synced, n.syncedNames = n.text, maps.Clone(n.names) }

// folder is the folder at a path, which is made where it is missing.
func (d disk) folder(path string) *node {
	n := d.root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if n.names[name] == nil {
			n.names[name] = newFolder()
		}
		n = n.names[name]
	}
	return n
}

// at is the file or folder at a path, nil for none.
func (d disk) at(path string) *node {
	n := d.root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if n = n.names[name]; n == nil {
			return nil
		}
	}
	return n
}

// do is what a system call does to the model.
func (d disk) do(c fileChange) {
	place, name := d.folder(filepath.Dir(c.path)).names, filepath.Base(c.path)
	switch c.name {
	case "openat":
		if place[name] == nil {
			place[name] = &node{}
		} else {
			place[name].text = ""
		}
	case "write":
		place[name].text += c.text
	case "fsync":
		d.at(c.path).sync()
	case "mkdirat":
		place[name] = newFolder()
	case "unlinkat":
		delete(place, name)
	case "linkat", "renameat":
		moved := place[name]
		if c.name == "renameat" {
			delete(place, name)
		}
		d.folder(filepath.Dir(c.to)).names[filepath.Base(c.to)] = moved
	}
}

// left are the files, by path, that a loss of power leaves: of each what was
// synced. Of names either those that were synced too, or all: a file system may
// have written them meanwhile.
func (d disk) left(allNames bool) stage.Picture {
	p := stage.Picture{}
	d.root.left("", allNames, p)
	return p
}

func (n *node) left(path string, allNames bool, p stage.Picture) {
	names := n.syncedNames
	if allNames {
		names = n.names
	}
	if n.names == nil {
		p[path] = n.synced
	}
	for name, below := range names {
		below.left(path+"/"+name, allNames, p)
	}
}

// fileChange is a system call that has changed files.
type fileChange struct{ name, path, to, text string }

// tracedChanges are the options with which strace tells of them.
var tracedChanges = []string{"-f", "-y", "--quiet=all", "-s", "10000000", "-e", "trace=openat,write,fsync,renameat,linkat,unlinkat,mkdirat"}

var (
	straceLine = regexp.MustCompile(`^(\d+) +(.*)$`)
	madeLine   = regexp.MustCompile(`^openat\(.*O_CREAT.*\) += \d+<([^>]+)>$`)
	fdLine     = regexp.MustCompile(`^(write|fsync)\(\d+<([^>]+)>(?:, ("(?:[^"\\]|\\.)*"), \d+)?\) += \d+$`)
	nameLine   = regexp.MustCompile(`^(mkdirat|unlinkat)\((?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)", .*\) += 0$`)
	twoLine    = regexp.MustCompile(`^(renameat|linkat)\((?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)", (?:AT_FDCWD|\d+)<([^>]*)>, "([^"]*)".*\) += 0$`)
)

// readChanges reads what strace has written.
func readChanges(t *testing.T, log string) []fileChange {
	t.Helper()
	var all []fileChange
	begun := map[string]string{} // by thread, what another thread interrupts in the log
	for line := range strings.Lines(log) {
		m := straceLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		thread, call := m[1], m[2]
		if head, cut := strings.CutSuffix(call, " <unfinished ...>"); cut {
			begun[thread] = head
			continue
		}
		if _, rest, resumed := strings.Cut(call, " resumed>"); resumed && strings.HasPrefix(call, "<... ") {
			call = begun[thread] + rest
		}
		if c, ok := readChange(t, call); ok {
			all = append(all, c)
		}
	}
	return all
}

func readChange(t *testing.T, call string) (c fileChange, ok bool) {
	t.Helper()
	if m := madeLine.FindStringSubmatch(call); m != nil {
		return fileChange{name: "openat", path: m[1]}, true
	}
	if m := fdLine.FindStringSubmatch(call); m != nil {
		c = fileChange{name: m[1], path: m[2]}
		if m[3] != "" && isLost(c.path) {
			var err error
			c.text, err = strconv.Unquote(m[3])
			require.NoError(t, err)
		}
		return c, isLost(c.path)
	}
	if m := nameLine.FindStringSubmatch(call); m != nil {
		c = fileChange{name: m[1], path: absolute(m[2], m[3])}
		return c, isLost(c.path)
	}
	if m := twoLine.FindStringSubmatch(call); m != nil {
		c = fileChange{name: m[1], path: absolute(m[2], m[3]), to: absolute(m[4], m[5])}
		return c, isLost(c.path)
	}
	return c, false
}

func absolute(folder, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(folder, name)
}

// isLost reports whether a path is in the model: an apply writes there, and a boot
// reads.
func isLost(path string) bool {
	return strings.HasPrefix(path, "/etc/") || strings.HasPrefix(path, "/var/lib/")
}

// lay has the folders hold these files and no other.
func lay(t *testing.T, files stage.Picture, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		require.NoError(t, os.RemoveAll(folder))
	}
	for path, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	if err := os.MkdirAll("/etc/iptables", 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
}
