package profile

import (
	"os"
	"testing"
)

// FuzzRead holds what is promised for any text: an end, no panic, a profile or
// an error, and a place for every diagnostic.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"testdata/web/web.toml", "testdata/web/site/common.toml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("version = 1\ninclude = [\"b.toml\"]\n[sets]\na = {addresses = [\"192.0.2.1\"], files = [\"l.json\"]}\n[a"))
	f.Add([]byte("version = 1\na.b = 1\n[a]\nb = {c = 1}\n[a.b.c]\n[[a]]\n[a.d]\na.b = \"\"\"\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		files := folders(map[string]string{
			"a.toml": string(text), "b.toml": string(text),
			"l.json": `{"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}]}`,
		})
		profile, diags := Read("a.toml", files)
		if (profile == nil) != diags.HasErrors() {
			t.Fatalf("%q: profile %v with %v", text, profile, diags)
		}
		for _, d := range diags {
			if d.File == "" || d.Line < 1 || d.Column < 1 || d.Code == "" || d.Message == "" {
				t.Errorf("%q: diagnostic %+v", text, d)
			}
			if d.Message == "the layout of this file is not understood" {
				t.Errorf("%q: %v", text, d)
			}
		}
	})
}
