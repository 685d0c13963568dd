package profile

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// TestScan shows where the scanner sees statements, as "line:column path".
func TestScan(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"a = 1\nb = 2", "1:1 a, 2:1 b"},
		{"[t] # note\r\nk = 1\r\n", "1:2 t, 2:1 t.k"},
		{"  [ a . \"b.c\" ]\n d.e = 1", `1:5 a."b.c", 2:2 a."b.c".d.e`},
		{"[[t]]\na = 1\n[[t]]\n[t.u]", "1:3 t, 2:1 t.a, 3:3 t, 4:2 t.u"},
		{"a = [\n 1, # one ]\n 2,\n]\nb = 1", "1:1 a, 5:1 b"},
		{"a = {b = [{c = 1}, {d = 2}], e.f = 3}", "1:1 a, 1:6 a.b, 1:12 a.b.c, 1:21 a.b.d, 1:30 a.e.f"},
		{"a = {\n b = 1, # one\n c = 2,\n}", "1:1 a, 2:2 a.b, 3:2 a.c"},
		{`"a\u0062" = 1` + "\n'a\\' = 2\n\"\" = 3", `1:1 ab, 2:1 "a\\", 3:1 ""`},
		{"a = \"\"\"x\n[no]\n\"\"\"\"\"\nb = '''\n'no' = 1'''", "1:1 a, 4:1 b"},
		{"a = 1979-05-27 07:32:00 # x\nb = -1.5e+3\nc = 0x1F", "1:1 a, 2:1 b, 3:1 c"},
	} {
		src := newSource("t", []byte(test.text))
		p := newParser(src, new(diag.List))
		var got []string
		for i, at := range places(p) {
			key := p.keys()[i]
			path := ""
			for _, name := range key {
				path = join(path, name)
			}
			got = append(got, strings.TrimPrefix(src.position(at).String(), "t:")+" "+path)
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("%q: got %s, want %s", test.text, text, test.want)
		}
	}
}

// places are where the keys of p.keys begin.
func places(p *parser) []int {
	var found []int
	var inner func(v value)
	inner = func(v value) {
		for _, e := range v.elements {
			inner(e)
		}
		for _, pair := range v.pairs {
			found = append(found, pair.key[0].at)
			inner(pair.value)
		}
	}
	for _, st := range p.statements {
		found = append(found, st.key[0].at)
		inner(st.value)
	}
	return found
}

// TestRecover shows where a broken statement ends, so that the next is read.
func TestRecover(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // the statements; broken ones in front of "!"
	}{
		{"word", "a = yes\nb = 1", []string{"a = yes!", "b = 1"}},
		{"string", "a = \"x\nb = 1", []string{"a = \"x!", "b = 1"}},
		{"header", "[a\nb = 1\n[c]", []string{"[a!", "b = 1", "[c]"}},
		{"list without end", "a = [\"x\",\nb = 1", []string{"a = [\"x\",!", "b = 1"}},
		{"list without end before a header", "a = [\n \"x\"\n\n[b]\nc = 1", []string{"a = [\n \"x\"!", "[b]", "c = 1"}},
		{"list without a comma", "a = [\n \"x\" \"y\",\n \"z\",\n]\nb = 1", []string{"a = [\n \"x\" \"y\",\n \"z\",\n]!", "b = 1"}},
		{"string in a list", "a = [\n \"x,\n \"z\",\n]\nb = 1", []string{"a = [\n \"x,\n \"z\",\n]!", "b = 1"}},
		{"block string", "a = \"\"\"\nx\nb = 1", []string{"a = \"\"\"\nx!", "b = 1"}},
		{"no key", "= 1\nb = 1", []string{"= 1!", "b = 1"}},
		{"two on a line", "a = 1 b = 2\nc = 3", []string{"a = 1 b = 2!", "c = 3"}},
	} {
		var got []string
		for _, st := range scan(test.text) {
			text := test.text[st.start:st.end]
			if st.fault != sound {
				text += "!"
			}
			got = append(got, text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// FuzzScan holds that the scanner understands what the library understands,
// and names the same keys in the same order.
func FuzzScan(f *testing.F) {
	example, err := os.ReadFile("testdata/web/web.toml")
	if err != nil {
		f.Fatal(err)
	}
	for table := range strings.SplitSeq(string(example), "\n\n") { // a whole file takes the fuzzer's time
		f.Add(table)
	}
	for _, text := range []string{
		"a = 1\n[b.c]\nd = [{e = 1}, [{f.g = 2}]]\n[[h]]\n[[h]]\n[h.i]\nj = 1979-05-27 07:32:00",
		"a = \"\"\"\"\"x\"\"\"\"\"\nb = '''''x'''''\n\"c\\t\" = 'd'\n", "a = {b = {}, c = [ ],}\r\n#\r\n", "\ufeffa = inf",
		"[a]\nb.c = 1\n[a.b.d]\n[a.e]\n", "a = [1_000, 0x_1, +nan, 1e5, 07:32:00.5,]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src := newSource("t", []byte(text))
		clean, bad := src.clean()
		if bad != nil {
			return
		}
		for _, st := range scan(string(clean)) {
			if st.fault == tooDeep || st.fault == tooLong {
				return
			}
		}
		var decoded map[string]any
		meta, err := toml.Decode(string(clean), &decoded)
		if err != nil {
			return
		}
		var diags diag.List
		p := newParser(src, &diags)
		if diags != nil {
			t.Fatalf("%q: the library takes it, the scanner says %v", text, diags)
		}
		if got, want := p.keys(), meta.Keys(); !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q: keys %q, the library has %q", text, got, want)
		}
	})
}
