package persist

import (
	"errors"
	"io/fs"
	"os"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

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
