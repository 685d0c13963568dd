// Package journal keeps on disk what is needed to complete an apply, or
// back, after its process has died.
//
// There is at most one entry. It is written and synced before the kernel is
// changed and removed as the last thing: while it is there something is under
// way. Its phase says in which direction: a trial that was not confirmed is
// reverted, one that was confirmed goes on, and of one that has ended
// something is left to clear up.
//
// Times are those of CLOCK_BOOTTIME, which counts from the boot, also while the
// machine sleeps, and which no program can set: a clock that jumps ends no trial and
// prolongs none. They mean nothing after a reboot, which the entry's boot tells.
//
// The folder is root's alone. Files are written as package durable does it, so that
// a reader finds a whole entry or none.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/document"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/bundledir"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Journal is the folder that holds the entry. A writer holds the
// lock of the host; a reader needs none.
type Journal struct{ Folder string }

// Under returns the journal of the host whose files are below root.
func Under(root string) Journal { return Journal{filepath.Join(root, "var/lib/hardenctl/trial")} }

// Format is the version of Entry that this package writes. It reads the earlier
// ones too: 1 had no Live.
const Format = 2

var kind = document.Kind{Name: "journal", Format: Format, Oldest: 1}

// Phase says how far an apply has come.
type Phase string

// The phases.
const (
	// Loading is before the new rules count for any packet. It has no deadline:
	// if its process has died, everything is reverted at once.
	Loading Phase = "loading"
	// Trial is the time in which the new rules count, until the deadline.
	Trial Phase = "trial"
	// Confirmed is from the confirm until the last file is in place.
	Confirmed Phase = "confirmed"
	// Applied is after that, where not everything could be cleared up.
	Applied Phase = "applied"
)

// Entry is an apply that is under way.
type Entry struct {
	Format  int    `json:"format"`
	Phase   Phase  `json:"phase"`
	Profile string `json:"profile"`
	// Boot is the kernel's name for the boot in which the apply began.
	Boot string `json:"boot"`
	// Namespace is the network namespace in which it is under way (netns.Name).
	Namespace string `json:"namespace"`
	// Deadline is when the trial ends, on CLOCK_BOOTTIME.
	Deadline time.Duration `json:"deadline"`
	// Live is when the trial began, on the same clock; 0 if it is not known. A
	// login that is older does not prove that the new rules let anybody in.
	Live time.Duration `json:"live"`
	// Token is a hash of the word that confirms.
	Token string `json:"token"`
	// By is the login that applied.
	By login.Login `json:"by"`
	// Families are those whose rules change.
	Families []ruleset.Family `json:"families"`
	// Made are the sets that did not exist before.
	Made []string `json:"made"`
	// Settings are those that change, as they were before.
	Settings map[string]state.Setting `json:"settings"`
	// Files are the paths of the files that change at the confirm.
	Files []string `json:"files"`
}

const (
	entryName    = "journal.json"
	bundleFolder = "bundle"
)

// ErrNone says that nothing is under way.
var ErrNone = errors.New("no apply is in progress")

// ErrBroken says that there is an entry that cannot be read.
var ErrBroken = errors.New("the journal is not as it was written")

// Begin writes the first entry of an apply and the bundle that it applies.
// Nothing is left behind on an error.
//
// An entry that is there is of an apply that has ended and could not
// remove it. It goes first: beside the new bundle it would say that this one was
// confirmed.
func (j Journal) Begin(e Entry, b *bundle.Bundle) error {
	if err := durable.MakeFolder(j.Folder, 0o700); err != nil {
		return err
	}
	if err := j.Remove(); err != nil {
		return err
	}
	place := filepath.Join(j.Folder, bundleFolder)
	err := bundledir.Write(place, b)
	if err == nil {
		err = j.Write(e)
	}
	if err != nil {
		return errors.Join(err, durable.RemoveTree(place))
	}
	return nil
}

// Write replaces the entry. It is on disk when Write returns.
func (j Journal) Write(e Entry) error {
	e.Format = Format
	return durable.WriteJSON(filepath.Join(j.Folder, entryName), e)
}

// Read returns the entry, or ErrNone.
func (j Journal) Read() (Entry, error) {
	var e Entry
	place := filepath.Join(j.Folder, entryName)
	err := durable.ReadJSON(place, kind, &e)
	var format *document.FormatError
	var broken *document.BrokenError
	switch {
	case err == nil:
		return e, nil
	case errors.Is(err, fs.ErrNotExist):
		return Entry{}, ErrNone
	case errors.As(err, &format):
		return Entry{}, fmt.Errorf("%s: %w; complete the apply with the hardenctl version that began it", place, err)
	case errors.As(err, &broken):
		return Entry{}, fmt.Errorf("%s: %w (%v); `hardenctl revert` ends the trial without it", place, ErrBroken, broken.Err)
	}
	return Entry{}, err
}

// Bundle returns the bundle that the apply under way applies.
func (j Journal) Bundle() (*bundle.Bundle, error) {
	b, err := bundle.ReadFolder(os.DirFS(filepath.Join(j.Folder, bundleFolder)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.Folder, err)
	}
	return b, nil
}

// Remove says that nothing is under way any more. That nothing is is not an error,
// also on a file system that is read-only; what somebody has left who died before
// the entry was there, or after it was gone, goes too.
func (j Journal) Remove() error {
	place := filepath.Join(j.Folder, entryName)
	failed := durable.Remove(place)
	if _, err := os.Lstat(place); err == nil {
		return failed
	}
	return errors.Join(failed, durable.RemoveTree(filepath.Join(j.Folder, bundleFolder)), durable.RemoveTree(durable.Beside(place)))
}

// Now is the time on CLOCK_BOOTTIME.
func Now() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		panic(fmt.Sprintf("journal: every kernel since 2.6.39 has CLOCK_BOOTTIME, and yet: %v", err))
	}
	return time.Duration(now.Nano())
}

// Boot is the kernel's name for the boot that we live in.
func Boot() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(text)), err
}

// Rebooted reports whether the machine has booted since the apply began.
func (e Entry) Rebooted() bool {
	boot, err := Boot()
	return err == nil && boot != e.Boot
}

// Left is how much of the trial is left; 0 or less if it is over.
func (e Entry) Left() time.Duration { return e.Deadline - Now() }

// Until is the deadline on the clock of the wall, as it goes now.
func (e Entry) Until() time.Time { return time.Now().Add(e.Left()) }

// Pending reports whether the apply is on trial and can be confirmed.
func (e Entry) Pending() bool { return e.Phase == Trial && !e.Rebooted() && e.Left() > 0 }

// Hash is the form in which an entry keeps a token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
