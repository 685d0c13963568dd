package probe

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/extension"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/netns"
)

// BootFile is a file that the host loads when it boots.
type BootFile struct {
	Path string
	Text []byte // nil where there must be no file
}

// Boot is the files that the host loads when it boots, sets first.
type Boot struct {
	Sets  BootFile
	Rules map[ruleset.Family]BootFile
	// Want is the sets of ours that there must be when the rules are loaded.
	Want map[string]state.Set
}

// rehearsedMembers is how many members of each set RehearseBoot loads: enough to
// find a line that is refused in what people write, while the million entries
// of a blocklist, which compile made, cost nothing.
const rehearsedMembers = 1000

// BootError says which file would not load at boot.
type BootError struct {
	Path string
	Err  error
}

// Error names the file, what the tool said of which line, and what to do.
func (e *BootError) Error() string {
	return fmt.Sprintf("%s would fail to load at boot, and hardenctl's rules in it too: %v; fix or remove that line (if it is COMMIT, a line above it; a set that a rule names must be in the sets file), or %s", e.Path, e.Err, bootfiles.MoveAway(e.Path))
}

// Unwrap returns what the tool said.
func (e *BootError) Unwrap() error { return e.Err }

// RehearseBoot loads files into a throwaway network namespace as a boot would
// and returns the tables that they make. The error of a file that is refused is
// a *BootError.
func (t Tools) RehearseBoot(ctx context.Context, boot Boot) (made state.State, err error) {
	err = netns.Throwaway(func() error {
		made, err = t.bootUp(ctx, boot)
		return err
	})
	return made, err
}

func (t Tools) bootUp(ctx context.Context, boot Boot) (made state.State, err error) {
	if err := kernelset.Restore(ctx, firstMembers(boot.Sets.Text, rehearsedMembers)); err != nil {
		return made, &BootError{boot.Sets.Path, err}
	}
	sets, err := readHeaders()
	if err != nil {
		return made, err
	}
	if err := sameSets(sets, boot.Want); err != nil {
		return made, fmt.Errorf("%s: after a reboot %w; a foreign command in that file causes this: remove it, or %s", boot.Sets.Path, err, bootfiles.MoveAway(boot.Sets.Path))
	}
	for _, family := range t.Families {
		file := boot.Rules[family]
		if err := Restore(ctx, family, file.Text, true); err != nil {
			return made, &BootError{file.Path, extension.InText(err, family, file.Text)}
		}
	}
	made, _, err = tables(ctx, t.Families...)
	return made, err
}

// firstMembers empties the lines that add more than n members to a set. The
// lines stay, so that a tool names one by its number in the file.
func firstMembers(text []byte, n int) []byte {
	var kept bytes.Buffer
	added := map[string]int{}
	for line := range setfile.Lines(string(text)) {
		if line.Command == setfile.Add {
			if added[line.Set]++; added[line.Set] > n {
				line.Text = "\n"
			}
		}
		kept.WriteString(line.Text)
	}
	return kept.Bytes()
}

// sameSets compares the sets that were booted with those wanted, of which the
// rehearsal loads no more than the first members.
func sameSets(booted, want map[string]state.Set) error {
	for name, w := range want {
		b, there := booted[name]
		switch {
		case !there:
			return fmt.Errorf("set %s is missing", name)
		case b.Header != w.Header:
			return fmt.Errorf("set %s is %+v, not %+v", name, b.Header, w.Header)
		case !w.Dynamic && b.Entries != min(w.Entries, rehearsedMembers):
			return fmt.Errorf("set %s has other entries than the profile", name)
		}
	}
	return nil
}
