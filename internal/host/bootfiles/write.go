package bootfiles

import (
	"errors"
	"io/fs"
	"os"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/durable"
)

// Prepare prepares to replace one of the files, as durable.Prepare does.
func Prepare(path string, have, text []byte) (*durable.Replacement, error) {
	return durable.Prepare(path, have, text, widest(path))
}

// Replace replaces one of the files, as durable.Replace does.
func Replace(path string, text []byte) error { return durable.Replace(path, text, widest(path)) }

// Modes returns the modes of those files that exist, as they are and as they
// must be. A mode that is narrower than it may be stays: it was set by hand.
// It is read by hardenctl before, which refuses one that others may write.
func Modes(texts map[string][]byte) (have, want map[string]fs.FileMode, err error) {
	have, want = map[string]fs.FileMode{}, map[string]fs.FileMode{}
	for path := range texts {
		stat, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		have[path] = stat.Mode().Perm()
		want[path] = have[path] & widest(path)
	}
	return have, want, nil
}

// widest is the widest mode of a file of ours at a path. Everyone may read units.
func widest(path string) fs.FileMode {
	if path == unitPath || path == enablePath {
		return 0o644
	}
	return bundle.ModeAt(path)
}
