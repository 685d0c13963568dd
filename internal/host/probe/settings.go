package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Reasons why a setting cannot be changed.
const (
	machineWide = "it applies to the whole machine, and this is the network namespace of a container"
	noSuchThing = "this kernel does not have the setting: its module is not loaded, or IPv6 is off"
)

// conntrackMax is read-only in every network namespace but the machine's own
// (nf_conntrack_standalone.c), which tells where we are.
const conntrackMax = "/proc/sys/net/netfilter/nf_conntrack_max"

// Settings returns the settings that a bundle states, one for each interface
// that the host has where a key stands for all, without reading any.
func Settings(entries []bundle.SettingEntry) map[string]state.Setting {
	settings := map[string]state.Setting{}
	for _, e := range entries {
		switch {
		case e.Module != "":
			addModule(settings, e)
			continue
		case e.NIC != "":
			settings[e.Object()] = state.Setting{Stated: e.Object(), NIC: e.NIC, Option: e.Option, Value: e.Value}
			continue
		}
		for key, path := range expand(e.Key) {
			settings[key] = state.Setting{Stated: e.Key, Path: path, Value: e.Value}
		}
	}
	return settings
}

// addModule adds an option of a module that can be changed while it is loaded.
// Others count from the next load on, and stand in the modprobe file only.
func addModule(settings map[string]state.Setting, e bundle.SettingEntry) {
	path := filepath.Join("/sys/module", e.Module, "parameters", e.Option)
	if stat, err := os.Stat(path); err == nil && stat.Mode().Perm()&0o200 == 0 {
		return
	}
	key := e.Module + "." + e.Option
	settings[key] = state.Setting{Stated: key, Path: path, Value: e.Value}
}

// expand returns the keys and paths that a stated key stands for. The
// interfaces are those of the calling thread's network namespace.
func expand(key string) map[string]string {
	prefix, suffix, glob := strings.Cut(key, ".*.")
	if strings.Contains(key, "/") { // as sysctl(8) takes a name with a dot
		return map[string]string{key: "/proc/sys/" + key}
	}
	if !glob {
		return map[string]string{key: "/proc/sys/" + strings.ReplaceAll(key, ".", "/")}
	}
	folder := "/proc/sys/" + strings.ReplaceAll(prefix, ".", "/")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil // no such family on this kernel: nothing to set
	}
	all := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name(), suffix)
		if _, err := os.Stat(path); err == nil {
			all[prefix+"."+e.Name()+"."+suffix] = path
		}
	}
	return all
}

// ReadSettings returns the stated settings with the values that they have and
// with those that are wanted. Interfaces come and go: both sides are made of
// one look at them, and a setting of one that has gone since is on neither.
func ReadSettings(entries []bundle.SettingEntry) (have, want map[string]state.Setting, err error) {
	have, want = map[string]state.Setting{}, Settings(entries)
	for key, s := range want {
		if s.NIC != "" {
			if have[key], err = readNIC(s); err != nil {
				return nil, nil, err
			}
			continue
		}
		text, err := os.ReadFile(s.Path)
		missing := errors.Is(err, fs.ErrNotExist)
		switch {
		case missing && s.OfInterface():
			delete(want, key)
			continue
		case err != nil && !missing:
			return nil, nil, fmt.Errorf("%s: %w", key, err)
		}
		s.Value, s.Unreachable = strings.TrimSpace(string(text)), unreachable(s.Path, err)
		have[key] = s
	}
	return have, want, nil
}

// unreachable says why a setting cannot be changed; it is empty where it can.
func unreachable(path string, missing error) string {
	if missing != nil {
		return noSuchThing
	}
	readOnly := func(path string) bool { return unix.Access(path, unix.W_OK) != nil }
	if readOnly(path) || strings.HasPrefix(path, "/sys/module/") && readOnly(conntrackMax) {
		return machineWide
	}
	return ""
}

// WriteSetting writes a setting, unless it has the value already, and reads it
// back: the kernel accepts values that it then clamps or cuts. Blanks of any
// kind are alike, since the kernel prints lists of numbers with tabs. If the
// interface of the setting has gone there is nothing to do.
func WriteSetting(s state.Setting) error {
	if s.NIC != "" {
		return writeNIC(s)
	}
	err := write(s.Path, s.Value)
	if s.OfInterface() && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// PutBack writes the value that a setting had before. What has gone since, an
// interface that somebody has unplugged or a module, has nothing to go back to.
func PutBack(s state.Setting) error {
	err := WriteSetting(s)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

func write(path, value string) error {
	before, err := readFolded(path)
	if err != nil {
		return err
	}
	wanted := fold(value)
	if before == wanted {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		return err
	}
	got, err := readFolded(path)
	if err == nil && got != wanted {
		err = fmt.Errorf("%s: wrote %q, but the kernel reports %q", path, wanted, got)
	}
	return err
}

func readFolded(path string) (string, error) {
	text, err := os.ReadFile(path)
	return fold(string(text)), err
}

func fold(text string) string { return strings.Join(strings.Fields(text), " ") }
