package generation

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Only the owner can write what tests make, whatever the umask is: it would be
// refused.
func init() { syscall.Umask(0o022) }

// content is an apply of a profile that sets a TTL, with a list of that many
// addresses beside it.
func content(ttl string, addresses int) Content {
	files := []bundle.File{
		{Name: bundle.Sysctl, Text: []byte("net.ipv4.ip_default_ttl = " + ttl + "\n")},
		{Name: bundle.Fail2banJail, Text: []byte("[hardenctl]\n")},
	}
	before := state.State{
		Tables: map[state.TableID]tablefile.Table{
			{Family: ruleset.V4, Name: "filter"}: {Name: "filter", Chains: []tablefile.Chain{{Name: "INPUT", Policy: "DROP", Packets: 7, Rules: []tablefile.Rule{{Spec: "-i lo -j ACCEPT", Packets: 3}}}}},
		},
		Sets: map[string]state.Set{
			"all":                {Declared: declared("create all list:set size 8")},
			"cdn":                {Declared: declared("create cdn hash:ip family inet6 hashsize 1024 maxelem 65536 netmask 64 timeout 60 counters")},
			"hardenctl-block-v4": {Declared: declared("create hardenctl-block-v4 hash:net family inet hashsize 64 maxelem 16"), Members: netset.Of(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32"))},
		},
		Settings: map[string]state.Setting{"net.ipv4.ip_default_ttl": {Value: "64"}},
		Files:    map[string][]byte{"/etc/iptables/rules.v4": []byte("*filter\nCOMMIT\n"), "/etc/iptables/rules.v6": nil},
	}
	return Content{
		Bundle: bundle.Seal(files, bundle.Manifest{Profile: "web.toml"}),
		Sources: []Source{
			{"web.toml", Profile, []byte("version = 1\n")},
			{"builtin:web", Profile, []byte("version = 1\n")},
			{"builtin:web", List, []byte("192.0.2.1\n")},
			{"lists/bad.txt", List, []byte(strings.Repeat("192.0.2.1\n", addresses))},
			{"/srv/site/common.toml", Profile, nil},
		},
		Before: before, Changes: plan.Summary{Add: 1}, Command: []string{"hardenctl", "apply", "web.toml"},
		When: time.Date(2026, 11, 20, 10, 0, 0, 5, time.UTC), Who: Who{User: "root", Login: "alice", Address: "192.0.2.7"},
	}
}

// store is an empty store, in a folder that does not exist yet.
func store(t *testing.T) Store {
	t.Helper()
	return Store{Folder: filepath.Join(t.TempDir(), "hardenctl/generations"), Most: 20, MostBytes: 1 << 30}
}

// keep keeps generations and returns the store.
func keep(t *testing.T, s Store, contents ...Content) Store {
	t.Helper()
	for _, c := range contents {
		must(t, s.Stage(c))
		if _, err := s.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// What was kept comes back whole.
func TestKeep(t *testing.T) {
	c := content("128", 100)
	s := keep(t, store(t), c)
	k, err := s.Open(1)
	must(t, err)
	if !reflect.DeepEqual(k.Bundle.Files, c.Bundle.Files) || string(k.Bundle.ManifestText()) != string(c.Bundle.ManifestText()) {
		t.Errorf("the bundle is %+v", k.Bundle)
	}
	for i, want := range c.Sources {
		if got := k.Texts[i]; got.Name != want.Name || got.Kind != want.Kind || string(got.Text) != string(want.Text) {
			t.Errorf("source %d is %+v", i, got)
		}
	}
	want := Generation{
		Number: 1, Format: Format, When: c.When.Truncate(time.Second), Who: c.Who, Command: c.Command, Profile: "web.toml",
		Changes: c.Changes, Orders: OrdersOf(c.Bundle, c.Sources), Checksum: k.Checksum, Sources: k.Sources,
	}
	all, err := s.List()
	must(t, err)
	if len(all) != 1 || !reflect.DeepEqual(all[0], want) || !reflect.DeepEqual(k.Generation, want) {
		t.Errorf("got %+v, want %+v", all, want)
	}
}

// Everything has its place, and is root's alone.
func TestFiles(t *testing.T) {
	s := keep(t, store(t), content("128", 1))
	want := map[string]string{
		"before/ipsets": "create all list:set size 8\n" +
			"create cdn hash:ip family inet6 hashsize 1024 maxelem 65536 netmask 64 timeout 60 counters\n" +
			"create hardenctl-block-v4 hash:net family inet hashsize 64 maxelem 16\nadd hardenctl-block-v4 192.0.2.0/24\nadd hardenctl-block-v4 198.51.100.7\n",
		"before/rules.v4":   "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n",
		"before/sha256sums": "*", "before/files/etc/iptables/rules.v4": "*filter\nCOMMIT\n",
		"before/rules.v6": "", "before/settings": "net.ipv4.ip_default_ttl = 64\n",
		"bundle/fail2ban/jail.conf": "[hardenctl]\n", "bundle/manifest.json": "*",
		"bundle/sysctl.conf": "net.ipv4.ip_default_ttl = 128\n", "generation.json": "*",
		"sources/builtin/lists/web": "192.0.2.1\n", "sources/builtin/profiles/web.toml": "version = 1\n",
		"sources/elsewhere/srv/site/common.toml": "", "sources/profile/lists/bad.txt": "192.0.2.1\n",
		"sources/profile/web.toml": "version = 1\n",
	}
	err := filepath.WalkDir(filepath.Dir(s.Folder), func(name string, e fs.DirEntry, err error) error {
		must(t, err)
		about, err := e.Info()
		must(t, err)
		if mode := about.Mode(); mode != 0o600 && mode != fs.ModeDir|0o700 {
			t.Errorf("%s has mode %v", name, mode)
		}
		if e.IsDir() {
			return nil
		}
		short, _ := filepath.Rel(s.path(1), name)
		text, err := os.ReadFile(name)
		if wanted, ok := want[short]; !ok || wanted != "*" && wanted != string(text) {
			t.Errorf("%s holds %q", short, text)
		}
		delete(want, short)
		return err
	})
	must(t, err)
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// What is staged is not a generation, is replaced by what is staged next, and can
// be given up.
func TestStaged(t *testing.T) {
	s := store(t)
	must(t, s.Stage(content("128", 1)))
	must(t, s.Stage(content("64", 1)))
	if all, err := s.List(); len(all) != 0 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	if n, err := s.Commit(); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	k, err := s.Open(1)
	must(t, err)
	if got := string(k.Bundle.File(bundle.Sysctl)); !strings.Contains(got, "64") {
		t.Errorf("the first content was kept: %s", got)
	}
	must(t, s.Stage(content("128", 1)))
	must(t, s.Discard())
	must(t, s.Discard())
	if n, err := s.Commit(); n != 0 || !errors.Is(err, ErrUnstaged) {
		t.Errorf("nothing was staged: %d, %v", n, err)
	}
	if got := names(t, s.Folder); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the store holds %q", got)
	}
}

// A list that did not change is kept once.
func TestEqualFilesAreOne(t *testing.T) {
	second, third := content("64", 10000), content("128", 9999)
	third.From = 1
	s := keep(t, store(t), content("128", 10000), second, third)
	for _, c := range []struct {
		a, b int
		name string
		same bool
	}{
		{1, 2, "sources/profile/lists/bad.txt", true},
		{1, 2, "bundle/sysctl.conf", false},
		{2, 3, "sources/profile/lists/bad.txt", false},
		{1, 3, "bundle/sysctl.conf", true}, // what a rollback brings back
	} {
		a, err := os.Stat(s.path(c.a, c.name))
		must(t, err)
		b, err := os.Stat(s.path(c.b, c.name))
		must(t, err)
		if os.SameFile(a, b) != c.same {
			t.Errorf("%s of %d and %d: one file: %v", c.name, c.a, c.b, !c.same)
		}
	}
}

func TestPrevious(t *testing.T) {
	s := store(t)
	if _, err := s.Previous(); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "nothing has been applied yet") {
		t.Errorf("an empty store: %v", err)
	}
	keep(t, s, content("128", 1))
	if n, err := s.Previous(); n != 0 || err != nil {
		t.Errorf("one generation: %d, %v", n, err)
	}
	keep(t, s, content("64", 1), content("65", 1))
	if n, err := s.Previous(); n != 2 || err != nil {
		t.Errorf("three generations: %d, %v", n, err)
	}
	if _, err := s.Open(4); !errors.Is(err, ErrNone) {
		t.Errorf("generation 4: %v", err)
	}
}

// The oldest go when there are too many, but the first, and numbers are never used
// twice.
func TestPruneByCount(t *testing.T) {
	s := store(t)
	s.Most = 3
	must(t, os.MkdirAll(filepath.Join(s.Folder, goneName+"7/bundle"), 0o700)) // of a prune that was killed
	for range 5 {
		keep(t, s, content("128", 1))
	}
	if got := names(t, s.Folder); !slices.Equal(got, []string{"1", "3", "4", "5"}) {
		t.Errorf("the store holds %q", got)
	}
}

// Large generations are fewer, but never less than two and the first; what they
// share counts once.
func TestPruneBySize(t *testing.T) {
	s := store(t)
	s.MostBytes = 2 << 20
	for range 6 {
		keep(t, s, content("128", 80000)) // 800 kB, each time the same
	}
	if got := names(t, s.Folder); len(got) != 6 {
		t.Errorf("equal ones: the store holds %q", got)
	}
	for i := range 4 {
		keep(t, s, content("128", 90000+i))
	}
	if got := names(t, s.Folder); !slices.Equal(got, []string{"1", "10", "9"}) {
		t.Errorf("different ones: the store holds %q", got)
	}
}

// Whatever file of a generation is not as it was written, it is named.
func TestBrokenGeneration(t *testing.T) {
	s := keep(t, store(t), content("128", 1))
	breaks := map[string]func(name string) error{
		"edited":  func(name string) error { return appendTo(name, "x") },
		"emptied": func(name string) error { return os.Truncate(name, 0) },
		"gone":    os.Remove,
		"a link": func(name string) error {
			return errors.Join(os.Rename(name, name+"~"), os.Symlink("/etc/shadow", name))
		},
	}
	for _, name := range []string{"generation.json", "bundle/manifest.json", "bundle/sysctl.conf", "bundle/fail2ban/jail.conf", "sources/profile/web.toml", "sources/builtin/lists/web"} {
		for what, breakIt := range breaks {
			t.Run(name+" "+what, func(t *testing.T) {
				s := keep(t, store(t), content("128", 1))
				must(t, breakIt(s.path(1, name)))
				_, err := s.Open(1)
				folder, file := filepath.Split(s.path(1, name))
				if err == nil || !strings.Contains(err.Error(), filepath.Clean(folder)) && !strings.Contains(err.Error(), s.path(1, "bundle")) || !strings.Contains(err.Error(), file) {
					t.Errorf("got %v", err)
				}
				all, err := s.List()
				if len(all) != 1 || err != nil || (all[0].Broken != "") != (name == recordName) {
					t.Errorf("the list is %+v, %v", all, err)
				}
			})
		}
	}
	if _, err := s.Open(1); err != nil {
		t.Errorf("a whole one: %v", err)
	}
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// A store that is a link, or that others may write, is neither read nor written.
func TestStoreInOtherHands(t *testing.T) {
	for name, plot := range map[string]func(s Store) error{
		"a link": func(s Store) error {
			return errors.Join(os.Rename(s.Folder, s.Folder+"~"), os.Symlink(s.Folder+"~", s.Folder))
		},
		"open":          func(s Store) error { return os.Chmod(s.Folder, 0o770) },
		"open above it": func(s Store) error { return os.Chmod(filepath.Dir(s.Folder), 0o777) },
	} {
		s := keep(t, store(t), content("128", 1))
		must(t, plot(s))
		_, listed := s.List()
		_, opened := s.Open(1)
		_, committed := s.Commit()
		for what, err := range map[string]error{"list": listed, "open": opened, "stage": s.Stage(content("64", 1)), "commit": committed, "discard": s.Discard()} {
			if err == nil || !strings.Contains(err.Error(), "symbolic link") && !strings.Contains(err.Error(), "is writable by other users") {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
}

// Names of sources come from profiles: none leads out of the folder.
func TestSourceNames(t *testing.T) {
	for _, name := range []string{"../a/../web.toml", "..", "../", "../../", "/../web.toml", "builtin:../../x", "", "a//b", "/", "."} {
		c := content("128", 1)
		c.Sources = []Source{{name, Profile, nil}}
		s := store(t)
		if err := s.Stage(c); err == nil || !strings.Contains(err.Error(), "is not a valid name of a profile") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{"../web.toml": "sources/above-1/web.toml", "../../a../b/web.toml": "sources/above-2/a../b/web.toml"} {
		if got, err := (Source{Name: name}).path(); got != want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestCommandLine(t *testing.T) {
	g := Generation{Command: []string{"hardenctl", "apply", "my profile.toml", "--plan=", "", "a'b"}}
	if got, want := g.CommandLine(), `hardenctl apply "my profile.toml" --plan= "" "a'b"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// names returns what is in a folder, sorted.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func declared(line string) setfile.Set { return setfile.Sets([]byte(line))[0] }
