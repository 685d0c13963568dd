package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/hardenctl/hardenctl/internal/host/durable"
)

// leastKept is how many generations are kept whatever they take: without the
// one before the newest there is nothing to roll back to.
const leastKept = 2

// Prune lets the oldest generations go, until no more than Most are left and
// what is left takes no more than MostBytes; but never the first, which knows what
// the host had before hardenctl, and does not count. One that goes gets a hidden name
// first, so that a half of it is never taken for a whole.
func (s Store) Prune() error {
	if err := s.sweep(); err != nil {
		return err
	}
	numbers, err := s.numbers()
	if err != nil {
		return err
	}
	numbers = slices.DeleteFunc(numbers, func(n int) bool { return n == first })
	slices.Reverse(numbers)
	seen, total := map[uint64]bool{}, int64(0)
	for i, n := range numbers {
		size, err := diskUse(s.path(n), seen)
		if err != nil {
			return err
		}
		total += size
		if i < leastKept || i < s.Most && total <= s.MostBytes {
			continue
		}
		return s.remove(numbers[i:])
	}
	return nil
}

// remove removes generations, the oldest first, which is the last.
func (s Store) remove(numbers []int) error {
	for _, n := range slices.Backward(numbers) {
		if err := durable.Rename(s.path(n), filepath.Join(s.Folder, fmt.Sprintf("%s%d", goneName, n))); err != nil {
			return err
		}
	}
	return s.sweep()
}

// sweep removes what has its hidden name, also from a prune that was killed.
func (s Store) sweep() error {
	entries, err := os.ReadDir(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), goneName) {
			err = errors.Join(err, durable.RemoveTree(filepath.Join(s.Folder, e.Name())))
		}
	}
	return err
}

// diskUse returns how many bytes the files below a folder take that are not
// seen yet, by the number of their inode: what newer generations have too costs
// nothing more.
func diskUse(folder string, seen map[uint64]bool) (total int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		about, err := e.Info()
		if err != nil {
			return err
		}
		if stat := about.Sys().(*syscall.Stat_t); !seen[stat.Ino] {
			seen[stat.Ino] = true
			total += stat.Blocks * 512
		}
		return nil
	})
	return total, err
}
