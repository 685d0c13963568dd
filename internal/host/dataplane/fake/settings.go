package fake

import (
	"fmt"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

type settings struct{ m *Machine }

// Here implements dataplane.Settings.
func (s settings) Here(stated []bundle.SettingEntry) map[string]state.Setting {
	root := fstest.MapFS{}
	for path := range s.m.Settings {
		if path[0] == '/' { // what an interface does is not a file
			root[path[1:]] = &fstest.MapFile{Mode: 0o644}
		}
	}
	return setting.Below(root, stated)
}

// Read implements dataplane.Settings.
func (s settings) Read(all map[string]state.Setting) (have, want map[string]state.Setting, err error) {
	have, want = map[string]state.Setting{}, map[string]state.Setting{}
	for key, wanted := range all {
		value, there := s.m.Settings[setting.ID(wanted)]
		if !there && wanted.OfInterface() {
			continue
		}
		now := wanted
		if now.Value = value; !there {
			now.Unreachable = "this kernel has no such setting"
		}
		have[key], want[key] = now, wanted
	}
	return have, want, nil
}

// Write implements dataplane.Settings.
func (s settings) Write(one state.Setting) error {
	place := setting.ID(one)
	now, there := s.m.Settings[place]
	if now == one.Value || !there && one.OfInterface() {
		return nil
	}
	return s.m.do("write "+place+" "+one.Value, func() error {
		if !there {
			return fmt.Errorf("open %s: no such file or directory", place)
		}
		s.m.Settings[place] = one.Value
		return nil
	})
}

// PutBack implements dataplane.Settings.
func (s settings) PutBack(one state.Setting) error {
	if _, there := s.m.Settings[setting.ID(one)]; !there {
		return nil
	}
	return s.Write(one)
}
