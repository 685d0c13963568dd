package profile

import (
	"strings"
	"testing"
)

// phrases are what the bytes from 0x80 on mean in the input of FuzzRead, so
// that a few bytes are a whole profile. Go's fuzzer looks for the shortest input
// that does the same as one of its finds, in a time that grows with the square of
// the length: with a profile as its text it does nothing else.
var phrases = strings.Split(`version = 1
|include = ["b.toml"]
|include = |[services.a]
|[services.b]
|services.|ports = ["tcp/80", "udp/1-9"]
|ports|from = ["@a", "192.0.2.1"]
|from|admin = true
|knock = "k"
|[sets.a]
|[sets]
|addresses = ["192.0.2.1"]
|files = ["l.json"]
|[access]
|block = ["@a"]
|exempt|[knocks.k]
|sequence = ["tcp/7", "udp/8"]
|[scan]
|probes = 3
|window = "1h"
|slow = {probes = 9, window = "1d"}
|[policy]
|inside = ["lan0"]
|[nics.e]
|gro = true
|[kernel]
|syncookies = true
|[log]
|[udp]
|[icmp]
|[fail2ban]
|new_per_source = "5/s burst 9"
|"10 in 60s"|.add = |.remove = |remove = ["ports"]
|enabled = false
|enabled|"@a"|["|"]|", "|[[|]]|"""|'''|{|}|[a]
|[a.b.c]
|a.b = 1
|a = |192.0.2.|/24|0.0.0.0/0|::1|`+"\x00|\xff|\xc3|\u202e|\r\n|\ufeff|\\u0062|1979-05-27 07:32:00|1e5|0x", "|")

// spell writes an input out.
func spell(input []byte) string {
	var b strings.Builder
	for _, c := range input {
		if i := int(c) - 0x80; i >= 0 && i < len(phrases) {
			b.WriteString(phrases[i])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// phrase is the byte that means a phrase.
func phrase(t testing.TB, text string) byte {
	for i, p := range phrases {
		if p == text {
			return byte(0x80 + i)
		}
	}
	t.Fatalf("no phrase %q", text)
	return 0
}

// TestPhrases holds that a byte is enough for each of them.
func TestPhrases(t *testing.T) {
	if len(phrases) > 0x80 {
		t.Errorf("%d phrases, and 128 bytes", len(phrases))
	}
}

// FuzzRead holds what is promised for any text: an end, no panic, a profile or
// an error, and a place for every diagnostic.
func FuzzRead(f *testing.F) {
	for _, seed := range [][]string{
		{"version = 1\n", "include = [\"b.toml\"]\n", "[sets.a]\n", "addresses = [\"192.0.2.1\"]\n", "files = [\"l.json\"]\n"},
		{"version = 1\n", "[services.a]\n", "ports = [\"tcp/80\", \"udp/1-9\"]\n", "from = [\"@a\", \"192.0.2.1\"]\n", "[a"},
		{"a.b = 1\n", "[a]\n", "a = ", "{", "}", "[a.b.c]\n", "[[", "a", "]]"},
		{"[knocks.k]\n", "sequence = [\"tcp/7\", \"udp/8\"]\n", "[scan]\n", "probes = 3\n", "slow = {probes = 9, window = \"1d\"}\n"},
		{"[services.a]\n", "from", ".add = ", "[\"", "\"]", "remove = [\"ports\"]\n", "enabled = false\n"},
	} {
		var input []byte
		for _, text := range seed {
			if len(text) < 4 {
				input = append(input, text...)
				continue
			}
			input = append(input, phrase(f, text))
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 100 {
			t.Skip("TestBounded reads long files")
		}
		text := spell(input)
		files := folders(map[string]string{
			"a.toml": text, "b.toml": text,
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
