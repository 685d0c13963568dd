package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// sets makes and fills the sets of the file, unless all of ours are there as the
// file has them: a loader that ran before need not be repeated, which takes
// seconds for a million entries. Where the kernel has no rules yet, ours may be
// there of an apply that has just been brought to its end, and those of others
// not.
func (l *loading) sets(ctx context.Context) error {
	if err := l.files.read(l.files.Sets); err != nil {
		return err
	}
	want := ownSets(l.files.Sets.Text)
	if missing, err := l.notAs(want); !l.mayBeFresh() && err == nil && missing == "" {
		return nil
	}
	if err := l.loadSets(ctx); err != nil {
		return fmt.Errorf("%s cannot be loaded: %w", l.files.Sets.Path, err)
	}
	missing, err := l.notAs(want)
	if err == nil && missing != "" {
		err = fmt.Errorf("%s: set %s has other entries than the file", l.files.Sets.Path, missing)
	}
	return err
}

// ownSets counts the members that a file gives to each of our sets.
func ownSets(text []byte) map[string]int {
	counts := map[string]int{}
	for line := range setfile.Lines(string(text)) {
		switch {
		case !owned.Set(line.Set):
		case line.Command == setfile.Create:
			counts[line.Set] += 0
		case line.Command == setfile.Add:
			counts[line.Set]++
		}
	}
	return counts
}

// notAs returns a set that is not there, or holds less than the file gives it.
// Sets that packets fill may hold more.
func (l *loading) notAs(want map[string]int) (missing string, err error) {
	headers, err := l.site.Sets.List()
	if err != nil {
		return "", err
	}
	have := map[string]int{}
	for _, h := range headers {
		have[h.Name] = int(h.Entries)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if held, there := have[name]; !there || held < want[name] {
			return name, nil
		}
	}
	return "", nil
}
