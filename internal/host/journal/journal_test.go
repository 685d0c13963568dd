package journal

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// ours is the journal of the lab, which has a /var/lib of its own: the tests mount
// there and change owners.
var ours = Under("/")

func TestMain(m *testing.M) { lab.Main(m) }

func example(t *testing.T) (Entry, *bundle.Bundle) {
	t.Helper()
	lab.Require(t)
	if err := os.RemoveAll(filepath.Dir(ours.Folder)); err != nil {
		t.Fatal(err)
	}
	boot, err := Boot()
	if err != nil {
		t.Fatal(err)
	}
	e := Entry{
		Format: Format, Phase: Trial, Profile: "web.toml", Boot: boot, Deadline: Now() + time.Minute, Live: Now(), Token: Hash("word"),
		By:       login.Login{SSH: "192.0.2.7 50000 192.0.2.1 22", Server: "10 started 5"},
		Families: []ruleset.Family{4, 6}, Made: []string{"hardenctl-ban-v4"}, Files: []string{"/etc/iptables/rules.v4"},
		Settings: map[string]state.Setting{"a.b": {Stated: "a.*", Path: "/proc/sys/a/b", Value: "1"}},
	}
	return e, bundle.Seal([]bundle.File{{Name: bundle.RulesV4, Text: []byte("*filter\nCOMMIT\n")}}, bundle.Manifest{Profile: "web.toml"})
}

// What was written is read, by another process too, and is root's alone; after
// Remove there is nothing.
func TestJournal(t *testing.T) {
	e, b := example(t)
	if _, err := ours.Read(); !errors.Is(err, ErrNone) {
		t.Fatalf("before the first apply: %v", err)
	}
	must(t, ours.Begin(e, b))
	got, err := ours.Read()
	must(t, err)
	if !reflect.DeepEqual(got, e) {
		t.Errorf("read %+v, want %+v", got, e)
	}
	read, err := ours.Bundle()
	must(t, err)
	if string(read.File(bundle.RulesV4)) != "*filter\nCOMMIT\n" {
		t.Errorf("the bundle is %+v", read)
	}
	for path, mode := range map[string]os.FileMode{ours.Folder: 0o700, ours.Folder + "/journal.json": 0o600} {
		stat, err := os.Stat(path)
		must(t, err)
		if stat.Mode().Perm() != mode {
			t.Errorf("%s has mode %o", path, stat.Mode().Perm())
		}
	}
	e.Phase = Confirmed
	must(t, ours.Write(e))
	if got, _ := ours.Read(); got.Phase != Confirmed {
		t.Errorf("phase %s", got.Phase)
	}
	must(t, ours.Remove())
	must(t, ours.Remove())
	if _, err := ours.Read(); !errors.Is(err, ErrNone) {
		t.Errorf("after Remove: %v", err)
	}
	if left, _ := filepath.Glob(ours.Folder + "/*"); left != nil {
		t.Errorf("left: %v", left)
	}
}

// An entry that an apply could not remove does not say of the next one that it
// was confirmed, if that fails, or dies, before its own entry is written.
func TestBeginUnderAnotherEntry(t *testing.T) {
	e, b := example(t)
	must(t, os.MkdirAll(ours.Folder, 0o700))
	must(t, unix.Mount("tmpfs", ours.Folder, "tmpfs", 0, "size=32k,mode=0700"))
	t.Cleanup(func() { must(t, unix.Unmount(ours.Folder, unix.MNT_DETACH)) })
	e.Phase = Confirmed
	must(t, ours.Begin(e, b))
	large := bundle.Seal([]bundle.File{{Name: bundle.RulesV4, Text: make([]byte, 64<<10)}}, bundle.Manifest{Profile: "other.toml"})
	if err := ours.Begin(e, large); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("a bundle that has no room: %v", err)
	}
	if got, err := ours.Read(); !errors.Is(err, ErrNone) {
		t.Errorf("read %+v, %v", got, err)
	}
}

// Where somebody else may have put the journal it is neither read nor written.
func TestNotOurs(t *testing.T) {
	for name, arrange := range map[string]func(){
		"a link to a folder": func() {
			os.RemoveAll(ours.Folder)
			os.Mkdir("/run/elsewhere", 0o700)
			os.Symlink("/run/elsewhere", ours.Folder)
		},
		"a folder that others may write to": func() { os.Chmod(filepath.Dir(ours.Folder), 0o777) },
		"a folder of somebody else":         func() { os.Chown(ours.Folder, 65534, 65534) },
		"a link to a file": func() {
			os.WriteFile("/run/planted", []byte("{}"), 0o600)
			os.Remove(ours.Folder + "/journal.json")
			os.Symlink("/run/planted", ours.Folder+"/journal.json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, b := example(t)
			must(t, ours.Begin(e, b))
			arrange()
			if got, err := ours.Read(); err == nil || errors.Is(err, ErrNone) {
				t.Errorf("read %+v, %v", got, err)
			}
			if strings.Contains(name, "folder") && ours.Begin(e, b) == nil {
				t.Error("written")
			}
			if left, _ := filepath.Glob("/run/elsewhere/*"); left != nil {
				t.Errorf("written elsewhere: %v", left)
			}
		})
	}
}

// A journal of another version is left to the version that knows it; of one that
// is broken it is said that it is, and how to end the trial without it.
func TestUnknown(t *testing.T) {
	e, b := example(t)
	for text, broken := range map[string]bool{"": true, "{": true, `{"format": 1, "new": true}`: true, `{"format": 2, "new": true}`: true,
		`{"format": 3}`: false, `{"format": 3, "new": true}`: false, `{}`: false} {
		must(t, ours.Begin(e, b))
		must(t, os.WriteFile(ours.Folder+"/journal.json", []byte(text), 0o600))
		says := "(expected 1 to 2); complete the apply with the hardenctl version that began it"
		if broken {
			says = "hardenctl revert"
		}
		if _, err := ours.Read(); errors.Is(err, ErrBroken) != broken || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// What the first version wrote is read, but for what it did not say.
func TestFirstFormat(t *testing.T) {
	e, b := example(t)
	must(t, ours.Begin(e, b))
	must(t, os.WriteFile(ours.Folder+"/journal.json", []byte(`{"format": 1, "phase": "trial", "profile": "web.toml"}`), 0o600))
	if got, err := ours.Read(); err != nil || got.Phase != Trial || got.Live != 0 {
		t.Errorf("read %+v, %v", got, err)
	}
}

// A trial is pending in its time, in its boot, and in its phase.
func TestPending(t *testing.T) {
	e, _ := example(t)
	for _, c := range []struct {
		name    string
		change  func(*Entry)
		pending bool
	}{
		{"in its time", func(*Entry) {}, true},
		{"after it", func(e *Entry) { e.Deadline = Now() - time.Millisecond }, false},
		{"after a reboot", func(e *Entry) { e.Boot = "another" }, false},
		{"before it began", func(e *Entry) { e.Phase = Loading }, false},
		{"confirmed", func(e *Entry) { e.Phase = Confirmed }, false},
	} {
		changed := e
		c.change(&changed)
		if changed.Pending() != c.pending {
			t.Errorf("%s: pending %v", c.name, !c.pending)
		}
	}
	if until := time.Until(e.Until()); until < 50*time.Second || until > time.Minute {
		t.Errorf("until %v", until)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What somebody has left beside an entry who died before it was there, or when it
// was gone, goes with the next Remove.
func TestRemoveLeftovers(t *testing.T) {
	e, b := example(t)
	must(t, ours.Begin(e, b))
	must(t, os.Rename(ours.Folder+"/journal.json", ours.Folder+"/.journal.json.hardenctl-new"))
	must(t, ours.Remove())
	if left, _ := filepath.Glob(ours.Folder + "/*"); left != nil {
		t.Errorf("it has left %v", left)
	}
	if _, err := os.Lstat(ours.Folder + "/.journal.json.hardenctl-new"); err == nil {
		t.Error("it has left what was to be an entry")
	}
	must(t, ours.Remove())
}
