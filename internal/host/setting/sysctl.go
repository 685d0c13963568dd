package setting

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

// sysctls are the files below /proc/sys. A key with "*" stands for every interface.
type sysctls struct{}

// States implements Kind.
func (sysctls) States(e bundle.SettingEntry) bool {
	return e.Kind == "" && e.Module == "" && e.NIC == ""
}

// Owns implements Kind.
func (sysctls) Owns(s state.Setting) bool {
	return s.Kind == "" && s.NIC == "" && !moduleOptions{}.Owns(s)
}

// Here implements Kind.
func (sysctls) Here(root fs.FS, e bundle.SettingEntry) map[string]state.Setting {
	settings := map[string]state.Setting{}
	for key, path := range expand(root, e.Key) {
		settings[key] = state.Setting{Stated: e.Key, Path: path, Value: e.Value}
	}
	return settings
}

// expand returns the keys and paths that a stated key stands for. The
// interfaces of this machine are those of the calling thread's network namespace.
func expand(root fs.FS, key string) map[string]string {
	prefix, suffix, glob := strings.Cut(key, ".*.")
	if strings.Contains(key, "/") { // as sysctl(8) takes a name with a dot
		return map[string]string{key: "/proc/sys/" + key}
	}
	if !glob {
		return map[string]string{key: "/proc/sys/" + strings.ReplaceAll(key, ".", "/")}
	}
	folder := "/proc/sys/" + strings.ReplaceAll(prefix, ".", "/")
	entries, err := fs.ReadDir(root, folder[1:])
	if err != nil {
		return nil // no such family on this kernel: nothing to set
	}
	all := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name(), suffix)
		if _, err := fs.Stat(root, path[1:]); err == nil {
			all[prefix+"."+e.Name()+"."+suffix] = path
		}
	}
	return all
}

// Read implements Kind.
func (sysctls) Read(s state.Setting) (state.Setting, error) {
	text, err := os.ReadFile(s.Path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && s.OfInterface():
		return s, errGone
	case err != nil && !missing:
		return s, fmt.Errorf("%s: %w", s.Stated, err)
	}
	s.Value, s.Unreachable = strings.TrimSpace(string(text)), unreachable(s.Path, err)
	return s, nil
}

// unreachable says why a setting cannot be changed; it is empty where it can.
func unreachable(path string, missing error) string {
	if missing != nil {
		return noSuchThing
	}
	if readOnly(path) {
		return machineWide
	}
	return ""
}

func readOnly(path string) bool { return unix.Access(path, unix.W_OK) != nil }

// Write compares values with blanks of any kind alike, since the kernel prints
// lists of numbers with tabs.
func (sysctls) Write(s state.Setting) error {
	err := write(s.Path, s.Value)
	if s.OfInterface() && errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	return err
}

func write(path, value string) error {
	before, err := readFolded(path)
	if err != nil {
		return err
	}
	wanted := state.Fold(value)
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
	return state.Fold(string(text)), err
}

// OfNamespace reports whether a setting is one of a network namespace on every
// kernel; others below /proc/sys/net may be the machine's even inside of one.
func OfNamespace(s state.Setting) bool {
	return s.Path == "/proc/sys/"+strings.ReplaceAll(Loose, ".", "/") || strings.HasPrefix(s.Path, "/proc/sys/net/ipv4/") || strings.HasPrefix(s.Path, "/proc/sys/net/ipv6/")
}

// Entry returns the entry that states a setting of the host: itself, or for every
// interface.
func Entry(stated []bundle.SettingEntry, key string) (bundle.SettingEntry, bool) {
	for _, e := range stated {
		if e.Object() == key {
			return e, true
		}
		prefix, suffix, glob := strings.Cut(e.Key, ".*.")
		name, inside := strings.CutPrefix(key, prefix+".")
		name, whole := strings.CutSuffix(name, "."+suffix)
		if glob && inside && whole {
			e.Key = key
			if strings.Contains(name, ".") { // with slashes, as sysctl(8) takes such a name
				e.Key = strings.ReplaceAll(prefix, ".", "/") + "/" + name + "/" + suffix
			}
			return e, true
		}
	}
	return bundle.SettingEntry{}, false
}
