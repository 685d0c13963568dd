package profile

import (
	"errors"
	"fmt"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// TestLayers shows what an include gives and what a later layer takes away.
func TestLayers(t *testing.T) {
	profile, diags := Read("a.toml", folders(map[string]string{
		"a.toml": `version = 1
include = ["b.toml", "sub/c.toml"]
[services.web]
ports = ["tcp/443"]
`,
		"b.toml": `[services.web]
ports = ["tcp/80", "tcp/8080"]
connections_per_source = 10
[log]
prefix = "b "
[services.dns]
ports = ["udp/53"]
`,
		"sub/c.toml": "include = [\"../d.toml\"]\nlog.prefix = \"c \"\n",
		"d.toml":     "log.prefix = \"d \"\nlog.rate = \"1/hour\"\n",
	}))
	if diags != nil {
		t.Fatal(diags)
	}
	got := fmt.Sprint(profile.Services, profile.Log)
	want := "[{dns b.toml:6:2 [udp/53] [] [] false [] [] { } { {0 0s 0} {0 0s}} { 0} false} " +
		"{web a.toml:3:2 [tcp/443] [] [] false [] [] { } { {0 0s 0} {0 0s}} {b.toml:3:26 10} false}] " +
		"{sub/c.toml:2:1 c  {1 1h0m0s 5} {1 1m0s 3}}"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestDiamond holds that a file two layers share does not undo the first.
func TestDiamond(t *testing.T) {
	profile, diags := Read("a.toml", folders(map[string]string{
		"a.toml":                 "version = 1\ninclude = [\"b.toml\", \"c.toml\"]",
		"b.toml":                 "include = [\"builtin:base\"]\nkernel.default_ttl = 2",
		"c.toml":                 "include = [\"builtin:base\"]",
		"builtin:base.toml":      "include = [\"builtin:lowest\"]\nkernel.default_ttl = 1",
		"builtin:lowest.toml":    "sets.a.files = [\"builtin:list\"]",
		"builtin:lists/list.txt": "192.0.2.1",
	}))
	if diags != nil || profile.Kernel[0].Value != 2 || !profile.Sets[0].Members.Equal(prefixes("192.0.2.1/32")) {
		t.Errorf("got %+v, %v", profile, diags)
	}
}

// TestIncludes shows what is wrong between files.
func TestIncludes(t *testing.T) {
	for _, test := range []struct {
		name  string
		texts map[string]string
		want  string
	}{
		{"nothing", nil, `a.toml: there is no profile "a.toml"`},
		{"empty", map[string]string{"a.toml": ""}, "a.toml:1:1: version: is not stated"},
		{"itself", map[string]string{"a.toml": "version = 1\ninclude = [\"a.toml\"]"},
			`a.toml:2:12: include: "a.toml" includes itself`},
		{"round", map[string]string{
			"a.toml": "version = 1\ninclude = [\"b.toml\"]", "b.toml": "include = [\"./a.toml\"]",
		}, `b.toml:1:12: include: "a.toml" includes itself`},
		{"places", map[string]string{
			"a.toml":   "version = 1\ninclude = [\"x/b.toml\", \"x/c.toml\", 3]\nkernel = 1",
			"x/b.toml": "sets.a.files = [\"list.txt\"]\nversion = 2\n\nicmp.echo = 1", "x/list.txt": "10.0.0.1.1",
		}, `a.toml:2:24: include: there is no profile "x/c.toml"
a.toml:2:36: include: must be text, not the number 3
a.toml:3:10: kernel: must be a table, not the number 1
x/b.toml:2:11: version: must be 1, not the number 2
x/b.toml:4:6: icmp.echo: unknown key
x/list.txt:1:1: "10.0.0.1.1"`},
		{"out of the folder", map[string]string{"a.toml": `version = 1
include = ["../b.toml", "x/../../c.toml", "/etc/b.toml", "builtin:../x", "builtin:", ""]`},
			`a.toml:2:12: include: "../b.toml" lies outside the profile's folder
a.toml:2:25: include: "../c.toml" lies outside the profile's folder
a.toml:2:43: include: "/etc/b.toml" lies outside the profile's folder
a.toml:2:58: include: "builtin:../x" is not the name of a built-in profile or list
a.toml:2:74: include: "builtin:" is not the name of a built-in profile or list
a.toml:2:86: include: "" is not the name of a file`},
		{"a built-in one looks out", map[string]string{
			"a.toml": "version = 1\ninclude = [\"builtin:b\"]", "builtin:b.toml": "include = [\"c.toml\"]\nsets.a.files = [\"l.txt\"]",
		}, `a.toml:2:12: include: a built-in profile cannot read the file "c.toml"
a.toml:2:12: sets.a.files: a built-in profile cannot read the file "l.txt"`},
		{"too large", map[string]string{
			"a.toml": "version = 1\ninclude = [\"b.toml\"]", "b.toml": strings.Repeat("#", MaxProfile+1),
		}, `a.toml:2:12: include: profile "b.toml" is larger than 1 MiB`},
	} {
		t.Run(test.name, func(t *testing.T) { check(t, test.texts, test.want) })
	}
}

func TestCycleIsShown(t *testing.T) {
	_, diags := Read("a.toml", folders(map[string]string{
		"a.toml": "version = 1\ninclude = [\"b.toml\"]", "b.toml": "include = [\"c.toml\"]", "c.toml": "include = [\"b.toml\"]",
	}))
	if want := "b.toml -> c.toml -> b.toml"; len(diags) != 1 || diags[0].Note != want {
		t.Errorf("got %+v, want the note %s", diags, want)
	}
}

func TestIncludeBounds(t *testing.T) {
	deep := map[string]string{}
	for i := range 20 {
		deep[fmt.Sprintf("%d.toml", i)] = fmt.Sprintf("include = [\"%d.toml\"]", i+1)
	}
	deep["a.toml"] = "version = 1\ninclude = [\"0.toml\"]"
	check(t, deep, "14.toml:1:12: include: profiles include one another more than 16 deep")

	many := map[string]string{}
	var names []string
	for i := range 65 {
		many[fmt.Sprintf("%d.toml", i)] = ""
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("%d.toml", i)))
	}
	many["a.toml"] = "version = 1\ninclude = [\n" + strings.Join(names, ",\n") + "]"
	check(t, many, "a.toml:66:1: include: the profile includes more than 63 files\na.toml:67:1: include:")
}

// TestAllowed shows how a folder that was allowed is named.
func TestAllowed(t *testing.T) {
	files := folders(map[string]string{
		"a.toml": "version = 1\ninclude = [\"/srv/site/b.toml\"]\nsets.a.files = [\"/srv/site/../x.txt\", \"/srv/sites/x.txt\"]",
	})
	files.Allowed = []Folder{{"/srv/site", fstest.MapFS{
		"b.toml":     {Data: []byte("sets.b.files = [\"l/x.txt\", \"../x.txt\"]")},
		"l/x.txt":    {Data: []byte("192.0.2.1")},
		"secret":     {Data: []byte("root:x"), Mode: fs.ModeNamedPipe},
		"l/dir/file": {},
	}}}
	_, diags := Read("a.toml", files)
	want := []string{
		`a.toml:3:17: sets.a.files: "/srv/x.txt" lies outside the profile's folder`,
		`a.toml:3:39: sets.a.files: "/srv/sites/x.txt" lies outside the profile's folder`,
		`/srv/site/b.toml:1:28: sets.b.files: "/srv/x.txt" lies outside the profile's folder`,
	}
	for i, d := range diags {
		if i >= len(want) || d.String() != want[i] {
			t.Errorf("got %s", d)
		}
	}
	if len(diags) != len(want) {
		t.Errorf("got %d diagnostics, want %d", len(diags), len(want))
	}
}

// TestOddFiles holds that what is not a regular file is not opened.
func TestOddFiles(t *testing.T) {
	for _, mode := range []fs.FileMode{fs.ModeNamedPipe, fs.ModeDevice, fs.ModeSocket, fs.ModeDir} {
		files := Folders{Root: neverOpen{fstest.MapFS{"a.toml": {Data: []byte("secret"), Mode: mode}}}}
		_, diags := Read("a.toml", files)
		if len(diags) != 1 || diags[0].String() != `a.toml: profile "a.toml" is not a regular file` {
			t.Errorf("%v: got %v", mode, diags)
		}
	}
	large := Folders{Root: neverOpen{fstest.MapFS{"a.toml": {Data: make([]byte, 10<<20)}}}}
	if _, diags := Read("a.toml", large); len(diags) != 1 || diags[0].Code != "too-large" {
		t.Errorf("10 MiB: got %v", diags)
	}
}

// TestUnreadable holds that the path of this machine stays out of a message.
func TestUnreadable(t *testing.T) {
	_, diags := Read("a.toml", Folders{Root: locked{}})
	if want := `a.toml: profile "a.toml" cannot be read: permission denied`; len(diags) != 1 || diags[0].String() != want {
		t.Errorf("got %v, want %s", diags, want)
	}
}

type locked struct{}

func (locked) Open(string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: "/home/someone/a.toml", Err: errors.New("permission denied")}
}

// neverOpen lets files be looked at only.
type neverOpen struct{ files fstest.MapFS }

func (n neverOpen) Stat(name string) (fs.FileInfo, error) { return n.files.Stat(name) }
func (n neverOpen) Open(name string) (fs.File, error)     { panic("opened " + name) }

// TestBounded holds that hostile files end soon. The bound is wide: what it is
// there to catch, quadratic time, takes minutes.
func TestBounded(t *testing.T) {
	lines := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"garbage":         strings.Repeat("\x00\xff[=\"'\n{]", MaxProfile/10),
		"brackets":        strings.Repeat("[", MaxProfile),
		"dots":            "a" + strings.Repeat(".a", MaxProfile/2-10) + "=1",
		"keys":            lines(100_000, "k%d=1\n"),
		"broken keys":     lines(40_000, "k%d=x\n"),
		"wrong numbers":   lines(40_000, "k%d=08\n"),
		"same key":        lines(40_000, "k=%d\n"),
		"tables":          lines(40_000, "[t%d]\n"),
		"tables in a row": lines(40_000, "[[t]]\n#%d\n"),
		"quotes":          strings.Repeat("\\\"\"\"\n", MaxProfile/5),
		"block strings":   strings.Repeat("a=\"\"\"\n'''\n", MaxProfile/10),
		"long header":     "[" + strings.Repeat("k", MaxProfile/4) + "]\n" + lines(60_000, "a%d=1\n"),
		"ports":           "services.a.ports=[" + lines(60_000, "\"tcp/%d\",") + "]",
		"sets":            lines(40_000, "[sets.s%d]\n"),
		"includes":        "include=[" + lines(40_000, "\"%d\",") + "]",
	} {
		start := processor()
		_, diags := Read("a.toml", folders(map[string]string{"a.toml": text}))
		if took := processor() - start; took > 20*time.Second {
			t.Errorf("%s: took %v of processor", name, took)
		} else {
			t.Logf("%s: %v, %d diagnostics, first %v", name, took, len(diags), diags[0])
		}
		if len(diags) == 0 || len(diags) > diag.Most+1 {
			t.Errorf("%s: %d diagnostics", name, len(diags))
		}
	}
}

// processor is the time for which this process has had a processor: what else the
// machine does is not in it.
func processor() time.Duration {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
