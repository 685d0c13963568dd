// Package setting is everything that hardenctl does with a kernel setting on a
// live host: which there are here, what they are, how they are changed and
// changed back, and what a boot will make of them.
//
// There are kinds of settings: sysctls, options of modules, and what network
// interfaces do. Each kind is one value that implements Kind, in a file of its
// own; nothing outside of this package asks of which kind a setting is. The file
// by which a kind lasts over a boot is written by its other half, in package
// compiler/bootfile, which knows no host.
package setting

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Kind is one kind of kernel setting.
type Kind interface {
	// States reports whether an entry of a bundle is of this kind, and Owns so of a
	// setting.
	States(e bundle.SettingEntry) bool
	Owns(s state.Setting) bool
	// Here returns the settings that an entry stands for on the host whose /proc and
	// /sys are below root, by the names that plans give them, with the value that is
	// wanted. It reads no value.
	Here(root fs.FS, e bundle.SettingEntry) map[string]state.Setting
	// Read returns a setting with the value that it has. One that cannot be changed
	// says why in Unreachable. The error is errGone for one that came with an
	// interface which has gone.
	Read(s state.Setting) (state.Setting, error)
	// Write writes a setting, unless it has the value already, and reads it back:
	// the kernel accepts values that it then clamps, cuts or leaves as they were.
	Write(s state.Setting) error
	// Notes says what the next boot will make of the stated settings that differs
	// from the bundle, and what else of them a person should know.
	Notes(layout bundle.Layout, stated []bundle.SettingEntry) []string
}

// kinds are all there are. The order is that of notes.
var kinds = []Kind{sysctls{}, moduleOptions{}, nics{}}

// Register adds a kind, and returns what takes it away again. It is for tests.
func Register(k Kind) (remove func()) {
	before := kinds
	kinds = append([]Kind{k}, kinds...)
	return func() { kinds = before }
}

// errGone is the error of a setting that came with an interface which has gone.
var errGone = errors.New("the interface of the setting has gone")

// Here returns the settings that a bundle states, one for each interface that this
// machine has where a key stands for all, without reading any.
func Here(stated []bundle.SettingEntry) map[string]state.Setting {
	return Below(os.DirFS("/"), stated)
}

// Below is Here for the host whose /proc and /sys are below root.
func Below(root fs.FS, stated []bundle.SettingEntry) map[string]state.Setting {
	all := map[string]state.Setting{}
	for _, e := range stated {
		if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.States(e) }); i >= 0 {
			maps.Copy(all, kinds[i].Here(root, e))
		}
	}
	return all
}

// ID tells a setting from others, whatever it is called: a sysctl of an
// interface has two names.
func ID(s state.Setting) string {
	if s.Path != "" {
		return s.Path
	}
	return s.Kind + s.NIC + " " + s.Option
}

// IDOf is the ID of an entry without "*". It does not look at the host.
func IDOf(e bundle.SettingEntry) string {
	for _, s := range Below(embed.FS{}, []bundle.SettingEntry{e}) {
		return ID(s)
	}
	return ""
}

// Read returns settings with the values that they have and with those that are
// wanted. Interfaces come and go: a setting of one that has gone since is on
// neither side.
func Read(settings map[string]state.Setting) (have, want map[string]state.Setting, err error) {
	have, want = map[string]state.Setting{}, map[string]state.Setting{}
	for key, wanted := range settings {
		k, err := of(wanted)
		if err != nil {
			return nil, nil, err
		}
		now, err := k.Read(wanted)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		have[key], want[key] = now, wanted
	}
	return have, want, nil
}

// Write writes a setting as Kind.Write does. If it came with an interface which has
// gone there is nothing to do.
func Write(s state.Setting) error {
	k, err := of(s)
	if err == nil {
		err = k.Write(s)
	}
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// PutBack writes the value that a setting had before. What has gone since, an
// interface that somebody has unplugged or a module, needs no undo.
func PutBack(s state.Setting) error {
	err := Write(s)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// Notes says what Kind.Notes does of every kind.
func Notes(layout bundle.Layout, stated []bundle.SettingEntry) []string {
	var notes []string
	for _, k := range kinds {
		var own []bundle.SettingEntry
		for _, e := range stated {
			if k.States(e) {
				own = append(own, e)
			}
		}
		if own != nil {
			notes = append(notes, k.Notes(layout, own)...)
		}
	}
	return notes
}

// of returns the kind of a setting. One of a journal may be of a kind that another
// version of hardenctl has.
func of(s state.Setting) (Kind, error) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Owns(s) })
	if i < 0 {
		return nil, fmt.Errorf("%s: unknown kind of setting %q", s.Stated, s.Kind)
	}
	return kinds[i], nil
}

// Loose is the setting by which conntrack takes up a connection of which it has not
// seen the beginning. It is written after all others: without it a connection that
// conntrack has not seen yet is lost (nf_conntrack-sysctl.rst).
const Loose = "net.netfilter.nf_conntrack_tcp_loose"

// Ordered returns names of settings in the order in which they are written. They
// are undone in the opposite one.
func Ordered(names []string) []string {
	if i := slices.Index(names, Loose); i >= 0 {
		names = append(slices.Delete(slices.Clone(names), i, i+1), Loose)
	}
	return names
}
