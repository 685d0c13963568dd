package setfile_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/setfile"
)

// saved is what ipset 7.17 prints of sets of many types, with every option.
const saved = `create a hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1d0026bc
add a 192.0.2.0/24
add a 192.0.2.128/25 nomatch
create b hash:ip family inet6 hashsize 64 maxelem 7 netmask 64 timeout 5 counters comment skbinfo
add b 2001:db8:: timeout 3 packets 7 bytes 420 comment "two words" skbmark 0x1/0xffffffff skbprio 1:2 skbqueue 3
create c bitmap:port range 1-1024 comment
add c 22 comment ""
create d list:set size 8 timeout 30
add d a timeout 0
create e hash:ip,port,ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001
add e 192.0.2.1,tcp:22,198.51.100.7
create f hash:new family inet something 5
add f whatever later 9
`

// What is read is written again, byte for byte.
func TestRoundTrip(t *testing.T) {
	golden, err := os.ReadFile("../../golden/web/ipsets")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{saved, string(golden)} {
		var again strings.Builder
		for line := range setfile.Lines(text) {
			switch line.Command {
			case setfile.Create:
				again.WriteString(line.Declared().String() + "\n")
			case setfile.Add:
				again.WriteString(line.Entry().String() + "\n")
			}
		}
		if again.String() != text {
			t.Errorf("got\n%s\nwant\n%s", again.String(), text)
		}
	}
}

// The command and the set of a line are found however a person has written it.
// ipset 7.17 takes each of the create and add lines.
func TestSpellings(t *testing.T) {
	for line, want := range map[string]string{
		"create a hash:ip\n":                        "create a",
		"cre a hash:ip":                             "create a",
		"--create a hash:ip":                        "create a",
		"new a hash:ip":                             "create a",
		"-N a hash:ip":                              "create a",
		"create -! a hash:ip":                       "create a",
		"  create\ta hash:ip":                       "create a",
		"-exist create a hash:ip\r\n":               "create a",
		"add a 192.0.2.1 timeout 5 comment \"b c\"": "add a",
		"  add\ta 192.0.2.1 -exist":                 "add a",
		"-A a 192.0.2.1":                            "add a",
		"swap a b":                                  "swap a",
		"flush":                                     "flush ",
		"# add a 192.0.2.1":                         " ",
		"#add a 192.0.2.1":                          " ",
		"":                                          "",
	} {
		got := ""
		for l := range setfile.Lines(line) {
			got = l.Command + " " + l.Set
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// A line without options may be appended in parts.
func TestAppendAdd(t *testing.T) {
	got := setfile.AppendAdd(nil, "a", func(text []byte) []byte { return append(text, "192.0.2.1"...) })
	if want := (setfile.Entry{Set: "a", Element: "192.0.2.1"}).String() + "\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Options are found in any order, also behind those that are anywhere.
func TestOptions(t *testing.T) {
	set := setfile.Sets([]byte("create a -exist hash:ip counters netmask 64 -! timeout 5\n"))[0]
	if set.Type != "hash:ip" || set.String() != "create a hash:ip counters netmask 64 timeout 5" {
		t.Errorf("got %q", set)
	}
	if length, there := set.Value("netmask"); !there || length != "64" {
		t.Errorf("netmask %q, %v", length, there)
	}
	if _, there := set.Value("maxelem"); there {
		t.Error("maxelem is there")
	}
	if got := set.Without("counters", "timeout").String(); got != "create a hash:ip netmask 64" {
		t.Errorf("got %q", got)
	}
}

// Lines about the sets of others stay as they are, comments and all.
func TestKeep(t *testing.T) {
	const text = "# mine\ncreate a hash:ip\ncreate b  hash:ip\nadd a 192.0.2.1\nswap b a"
	want := "# mine\ncreate b  hash:ip\nswap b a"
	if got := string(setfile.Keep([]byte(text), func(set string) bool { return set == "a" })); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A line that was read and written reads as before.
func FuzzLines(f *testing.F) {
	for line := range strings.Lines(saved) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Join(slices.Collect(texts(text)), "") != text {
			t.Errorf("lines of %q are lost", text)
		}
		for line := range setfile.Lines(text) {
			switch line.Command {
			case setfile.Create:
				if s := line.Declared(); setfile.Sets([]byte(s.String()))[0].String() != s.String() {
					t.Errorf("%q becomes %q", line.Text, s)
				}
			case setfile.Add:
				e := line.Entry()
				for again := range setfile.Lines(e.String()) {
					if again.Entry().String() != e.String() {
						t.Errorf("%q becomes %q", line.Text, e)
					}
				}
			}
		}
	})
}

func texts(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range setfile.Lines(text) {
			if !yield(line.Text) {
				return
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	text := "create a hash:net family inet hashsize 1024 maxelem 65536\n" + strings.Repeat("add a 192.0.2.128/25\n", 100_000)
	for b.Loop() {
		n := 0
		for line := range setfile.Lines(text) {
			if line.Command == setfile.Add {
				n += len(line.Entry().Element)
			}
		}
	}
}
