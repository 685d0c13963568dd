package setting

import (
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// moduleOptions are the files below /sys/module. They are read and written as
// sysctls are.
type moduleOptions struct{ sysctls }

const moduleFolder = "/sys/module"

// States implements Kind.
func (moduleOptions) States(e bundle.SettingEntry) bool { return e.Module != "" }

// Owns implements Kind.
func (moduleOptions) Owns(s state.Setting) bool { return strings.HasPrefix(s.Path, moduleFolder+"/") }

// Here has an option that can be changed while its module is loaded. Others count
// from the next load on, and are in the modprobe file only.
func (moduleOptions) Here(root fs.FS, e bundle.SettingEntry) map[string]state.Setting {
	path := filepath.Join(moduleFolder, e.Module, "parameters", e.Option)
	if stat, err := fs.Stat(root, path[1:]); err == nil && stat.Mode().Perm()&0o200 == 0 {
		return nil
	}
	return map[string]state.Setting{e.Object(): {Stated: e.Object(), Path: path, Value: e.Value}}
}

// Read finds out of reach what belongs to the machine, although the file can be
// written in a container too.
func (m moduleOptions) Read(s state.Setting) (state.Setting, error) {
	s, err := m.sysctls.Read(s)
	if s.Unreachable == "" && readOnly(conntrackMax) {
		s.Unreachable = machineWide
	}
	return s, err
}

// conntrackMax is read-only in every network namespace but the machine's own
// (nf_conntrack_standalone.c), which tells where we are.
const conntrackMax = "/proc/sys/net/netfilter/nf_conntrack_max"

// Notes implements Kind.
func (moduleOptions) Notes(bundle.Layout, []bundle.SettingEntry) []string { return nil }
