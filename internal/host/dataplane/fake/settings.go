package fake

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

type settings struct{ m *Machine }

// Read implements dataplane.Settings. What an interface does, and an option of a
// module, is a setting by its name.
func (s settings) Read(stated []bundle.SettingEntry) (have, want map[string]state.Setting, err error) {
	have, want = map[string]state.Setting{}, map[string]state.Setting{}
	for _, e := range stated {
		for key, path := range s.m.expand(e) {
			value, there := s.m.Sysctls[path]
			one := state.Setting{Stated: e.Object(), Path: path, Value: e.Value}
			want[key] = one
			if one.Value = value; !there {
				one.Unreachable = "this kernel has no such setting"
			}
			have[key] = one
		}
	}
	return have, want, nil
}

// expand returns the keys and paths that an entry stands for.
func (m *Machine) expand(e bundle.SettingEntry) map[string]string {
	if e.Module != "" || e.NIC != "" {
		return map[string]string{e.Object(): e.Object()}
	}
	path := "/proc/sys/" + strings.ReplaceAll(e.Key, ".", "/")
	prefix, suffix, glob := strings.Cut(path, "*")
	if !glob {
		return map[string]string{e.Key: path}
	}
	all := map[string]string{}
	for path := range m.Sysctls {
		if strings.HasPrefix(path, prefix) && strings.HasSuffix(path, suffix) {
			all[strings.ReplaceAll(strings.TrimPrefix(path, "/proc/sys/"), "/", ".")] = path
		}
	}
	return all
}

// Write implements dataplane.Settings.
func (s settings) Write(setting state.Setting) error {
	if s.m.Sysctls[setting.Path] == setting.Value {
		return nil
	}
	return s.m.do("write "+setting.Path+" "+setting.Value, func() error {
		if _, there := s.m.Sysctls[setting.Path]; !there {
			return fmt.Errorf("open %s: no such file or directory", setting.Path)
		}
		s.m.Sysctls[setting.Path] = setting.Value
		return nil
	})
}

// PutBack implements dataplane.Settings.
func (s settings) PutBack(setting state.Setting) error {
	if _, there := s.m.Sysctls[setting.Path]; !there {
		return nil
	}
	return s.Write(setting)
}
