package netset_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// netipTakes is what a single entry may be, said by netip alone.
func netipTakes(text string) bool {
	a, err := netip.ParseAddr(text)
	if err == nil {
		return a.Zone() == "" && !a.Is4In6()
	}
	p, err := netip.ParsePrefix(text)
	return err == nil && !p.Addr().Is4In6()
}

// longestInput is the most bytes that a fuzz target takes. Go's fuzzer looks for
// the shortest input that does the same as one of its finds, in a time that grows
// with the square of the length: long ones leave it no time to look for others.
const longestInput = 200

// addShort adds a seed that the fuzzer can work with.
func addShort(f *testing.F, text string) {
	if len(text) <= longestInput {
		f.Add(text)
	}
}

func FuzzParsePrefix(f *testing.F) {
	for _, bad := range badLines {
		addShort(f, bad.line)
	}
	for _, good := range []string{"::ffff:192.0.2.1%eth0", "[2001:db8::1/32]", "[10.0.0.1/8]", "192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "::1.2.3.4", "0.0.0.0/0"} {
		f.Add(good)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := netset.ParsePrefix(text)
		if err == nil {
			if !netipTakes(text) || p != p.Masked() {
				t.Fatalf("%q was taken as %v", text, p)
			}
			if again, err := netset.ParsePrefix(string(netset.AppendPrefix(nil, p))); err != nil || again != p {
				t.Fatalf("%v reads back as %v, %v", p, again, err)
			}
			return
		}
		var bad *netset.SyntaxError
		if !errors.As(err, &bad) || bad.Code == "" || bad.Suggestion == "" || len(bad.Message) > 1000 {
			t.Fatalf("%q: error %+v", text, err)
		}
		if bad.Code != "host-bits" && netipTakes(text) {
			t.Fatalf("%q: %v", text, err)
		}
		// What is suggested instead must itself be good.
		if instead, ok := strings.CutPrefix(bad.Suggestion, "write "); ok && !strings.Contains(instead, " ") {
			if _, err := netset.ParsePrefix(instead); err != nil {
				t.Fatalf("%q: suggested %q: %v", text, instead, err)
			}
		}
	})
}

// slowRead is ReadText for a text of addresses and prefixes, said by strings
// and netip alone: the set, and how many lines are bad.
func slowRead(text string) (set netset.Set, entries, bad int) {
	var all []netip.Prefix
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\uFEFF"), "\n") {
		if !utf8.ValidString(line) || strings.Contains(line, "\x00") {
			bad++
			continue
		}
		entry, _, _ := strings.Cut(line, "#")
		entry, _, _ = strings.Cut(entry, ";")
		entry = strings.Trim(entry, " \t\r")
		switch a, err := netip.ParseAddr(entry); {
		case entry == "":
		case !netipTakes(entry):
			bad++
		case err == nil:
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		default:
			all = append(all, netip.MustParsePrefix(entry))
		}
	}
	return netset.Of(all...), len(all), bad
}

func FuzzReadText(f *testing.F) {
	for _, bad := range badLines {
		addShort(f, bad.line+"\n192.0.2.1/31\r\n")
	}
	f.Add("# a\n1.2.3.4;b\n\n2001:db8::/32 # c\n10.1.2.3/8\n255.255.255.255")
	f.Add("1.1.1.1-1.1.1.9\n::1-::8")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > longestInput {
			t.Skip("too long to be made shorter")
		}
		var diags diag.List
		set, entries := netset.ReadText("l", []byte(text), &diags)
		if len(diags) > 21 {
			t.Fatalf("%d diagnostics", len(diags))
		}
		want, wantEntries, bad := slowRead(text)
		if !strings.Contains(text, "-") {
			if !set.Equal(want) || entries != wantEntries || diags.HasErrors() != (bad > 0) {
				t.Fatalf("read %d entries, %v; want %d entries, %d bad lines; %v", entries, set, wantEntries, bad, diags)
			}
		}
		diags = nil
		if again, _ := netset.ReadText("l", format(set), &diags); !again.Equal(set) || len(diags) > 0 {
			t.Fatalf("reads back as %v, %v", again, diags)
		}
	})
}

func FuzzReadJSON(f *testing.F) {
	for _, bad := range badJSON {
		addShort(f, bad.text)
	}
	f.Add(`{"prefixes":[{"ipv4Prefix":"192.0.2.0/24"},{"ipv6Prefix":"2001:db8::/32"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var diags diag.List
		set, entries := netset.ReadJSON("l", []byte(text), &diags)
		if entries == 0 != set.IsEmpty() || len(diags) > 21 {
			t.Fatalf("%d entries, %v, %d diagnostics", entries, set, len(diags))
		}
		if !json.Valid([]byte(text)) && !diags.HasErrors() {
			t.Fatal("taken, and no JSON")
		}
		for _, d := range diags {
			if line := strings.Split(text, "\n"); d.Line < 1 || d.Line > len(line) || d.Column < 1 || d.Column > len(line[d.Line-1])+1 {
				t.Fatalf("no such place: %v", d)
			}
		}
	})
}
