package promise

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// Tree is what a folder holds, by path: a mode, and a hash of the text.
type Tree map[string]string

// changed names what differs in another reading, sorted.
func (old Tree) changed(now Tree) []string {
	var paths []string
	for path := range now {
		if now[path] != old[path] {
			paths = append(paths, path)
		}
	}
	for path := range maps.Keys(old) {
		if _, there := now[path]; !there {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// Written reads all that this lab has ever written below /etc, /var/lib and
// /run: the upper layers of the first two are folders of the lab's own on the
// third.
func Written(t *testing.T) Tree {
	t.Helper()
	all := Tree{}
	require.NoError(t, filepath.WalkDir("/run", func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it has gone meanwhile
		case err != nil:
			return err
		case e.IsDir() && (strings.HasSuffix(path, ".work") || path == "/run/netns"):
			return fs.SkipDir
		}
		all[asSeen(path)], err = described(path, e)
		return err
	}))
	return all
}

// asSeen is the path by which the lab sees a file of an upper layer.
func asSeen(path string) string {
	for layer, folder := range map[string]string{"/run/hardenctl-lab/etc": "/etc", "/run/hardenctl-lab/lib": "/var/lib"} {
		if rest, below := strings.CutPrefix(path, layer); below {
			return folder + rest
		}
	}
	return path
}

// described is a file's mode and, of a regular one, a hash of its text.
func described(path string, e fs.DirEntry) (string, error) {
	stat, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil || !stat.Mode().IsRegular() {
		return fmt.Sprint(e.Type()), err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return fmt.Sprintf("%v %x", stat.Mode(), sha256.Sum256(text)), err
}
