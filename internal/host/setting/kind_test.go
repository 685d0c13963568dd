package setting_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bootfile"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// lamp is a new kind of setting: both halves of it are here, and nothing else
// knows it. Each lamp is a file below a folder.
type lamp struct{ folder string }

const lampKind = "lamp"

func (lamp) States(e bundle.SettingEntry) bool { return e.Kind == lampKind }
func (lamp) Owns(s state.Setting) bool         { return s.Kind == lampKind }

func (l lamp) Here(_ fs.FS, e bundle.SettingEntry) map[string]state.Setting {
	path := filepath.Join(l.folder, e.Key)
	return map[string]state.Setting{e.Object(): {Stated: e.Object(), Kind: lampKind, Path: path, Value: e.Value}}
}

func (lamp) Read(s state.Setting) (state.Setting, error) {
	text, err := os.ReadFile(s.Path)
	s.Value = string(text)
	return s, err
}

func (lamp) Write(s state.Setting) error { return os.WriteFile(s.Path, []byte(s.Value), 0o600) }

func (lamp) Notes(bundle.Layout, []bundle.SettingEntry) []string {
	return []string{"a lamp needs a bulb"}
}

func (lamp) Files(stated []bundle.SettingEntry) []bundle.File {
	var text []byte
	for _, e := range stated {
		text = append(text, e.Key+"="+e.Value+"\n"...)
	}
	return []bundle.File{{Name: bundle.Sysctl, Text: text}}
}

// A new kind of setting is planned, applied, kept in the journal, undone, noted and
// made to last by what is in this file.
func TestNewKind(t *testing.T) {
	l := lamp{t.TempDir()}
	t.Cleanup(setting.Register(l))
	t.Cleanup(bootfile.Register(l))
	path := filepath.Join(l.folder, "porch")
	must(t, os.WriteFile(path, []byte("off"), 0o600))
	stated := []bundle.SettingEntry{{Kind: lampKind, Key: "porch", Value: "on", Origin: bundle.Origin{Part: "lamps.porch", File: "a.toml", Line: 7}}}
	b := bundle.Seal(bootfile.Files(stated), bundle.Manifest{Profile: "a.toml", Settings: stated})
	live := dataplane.Live().Settings

	have, want, err := live.Read(live.Here(b.Manifest.Settings))
	must(t, err)
	p := plan.Compare(state.State{Settings: have}, state.State{Settings: want}, b.Manifest)
	if len(p.Changes) != 1 || p.Changes[0].Object != "porch" || p.Changes[0].Before != "off" || p.Changes[0].After != "on" || p.Changes[0].Origin.Line != 7 {
		t.Fatalf("planned %+v", p.Changes)
	}

	must(t, live.Write(want["porch"]))
	holds(t, path, "on")
	now, _, err := live.Read(live.Here(stated))
	must(t, err)
	if !now["porch"].Same(want["porch"]) {
		t.Errorf("read back %+v", now)
	}

	kept := keep(t, have)
	must(t, live.PutBack(kept["porch"]))
	holds(t, path, "off")
	must(t, os.RemoveAll(l.folder))
	must(t, live.PutBack(kept["porch"])) // what has gone is not an error

	files, err := bootfiles.Wanted(b, bundle.Debian, map[string][]byte{})
	must(t, err)
	if got := string(files["/etc/sysctl.d/60-hardenctl.conf"]); got != "porch=on\n" {
		t.Errorf("it lasts by %q", got)
	}
	if got := setting.Notes(bundle.Debian, stated); len(got) != 1 || got[0] != "a lamp needs a bulb" {
		t.Errorf("notes: %q", got)
	}
}

// A setting that an unknown kind has left in a journal is an error, and no panic.
func TestUnknownKind(t *testing.T) {
	err := setting.PutBack(state.Setting{Stated: "porch", Kind: lampKind})
	if err == nil || err.Error() != `porch: unknown kind of setting "lamp"` {
		t.Errorf("got %v", err)
	}
}

// The other kinds do not take what is a new one's.
func TestKindsAreApart(t *testing.T) {
	for _, e := range []bundle.SettingEntry{{Key: "net.ipv4.ip_default_ttl"}, {Module: "nf_conntrack", Option: "hashsize"}, {NIC: "lo", Option: "gro"}} {
		with := setting.Here([]bundle.SettingEntry{e})
		remove := setting.Register(lamp{"/nowhere"})
		if got := setting.Here([]bundle.SettingEntry{e}); !maps.Equal(got, with) {
			t.Errorf("%+v: %v, and with a lamp %v", e, with, got)
		}
		remove()
	}
}

// keep writes settings into a journal, and reads them as the process does that
// completes an apply.
func keep(t *testing.T, settings map[string]state.Setting) map[string]state.Setting {
	t.Helper()
	j := journal.Under(t.TempDir())
	must(t, j.Begin(journal.Entry{Phase: journal.Trial, Settings: settings}, bundle.Seal(nil, bundle.Manifest{})))
	e, err := j.Read()
	must(t, err)
	return e.Settings
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if text, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(text)) != want {
		t.Errorf("%s holds %q, %v, want %q", path, text, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
