package netset_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
)

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1":     "192.0.2.1/32",
		"192.0.2.0/24":  "192.0.2.0/24",
		"0.0.0.0/0":     "0.0.0.0/0",
		"2001:db8::1":   "2001:db8::1/128",
		"2001:DB8::/32": "2001:db8::/32",
		"::/0":          "::/0",
		"::1.2.3.4":     "::102:304/128",
	} {
		got, err := netset.ParsePrefix(text)
		if err != nil || got != netip.MustParsePrefix(want) {
			t.Errorf("ParsePrefix(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24":            "[192.0.2.0/24]",
		"192.0.2.1":               "[192.0.2.1/32]",
		"192.0.2.1-192.0.2.9":     "[192.0.2.1/32 192.0.2.2/31 192.0.2.4/30 192.0.2.8/31]",
		"0.0.0.0-255.255.255.255": "[0.0.0.0/0]",
		"2001:db8::-2001:db8::3":  "[2001:db8::/126]",
	} {
		if got, err := netset.Parse(text); err != nil || fmt.Sprint(got) != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"192.0.2.9-192.0.2.1":  "ends before it starts",
		"192.0.2.1-2001:db8::": "from one address family to the other",
		"192.0.2.1-192.0.2":    `"192.0.2"`,
		"web-1":                "host name",
	} {
		if got, err := netset.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, %v; want an error with %s", text, got, err, want)
		}
	}
}

func TestParsePrefixErrors(t *testing.T) {
	for _, test := range []struct{ text, code, message, suggestion string }{
		{"", "bad-address", `"" is not an address or prefix`, "write an address such as 192.0.2.1 or a prefix such as 192.0.2.0/24"},
		{" 192.0.2.1", "bad-address", `" 192.0.2.1" is not an address or prefix`, "write an address such as 192.0.2.1 or a prefix such as 192.0.2.0/24"},
		{"10.1.2.3/8", "host-bits", `"10.1.2.3/8" has address bits beyond its length of 8`, "write 10.0.0.0/8 for the whole prefix, or 10.1.2.3 for the one address"},
		{"010.1.1.1", "octal-address", `"010.1.1.1" has a part with a leading zero, which ipset reads as 8.1.1.1`, "write 10.1.1.1"},
		{"web.example", "host-name", `"web.example" is a host name; a set holds addresses, and names change theirs`, "write its addresses"},
	} {
		_, err := netset.ParsePrefix(test.text)
		var bad *netset.SyntaxError
		if !errors.As(err, &bad) {
			t.Errorf("ParsePrefix(%q): error %v", test.text, err)
			continue
		}
		if want := (netset.SyntaxError{Code: test.code, Message: test.message, Suggestion: test.suggestion}); *bad != want {
			t.Errorf("ParsePrefix(%q):\n%+v\nwant\n%+v", test.text, *bad, want)
		}
	}
	for _, bad := range badLines {
		if _, err := netset.ParsePrefix(bad.line); err == nil {
			t.Errorf("ParsePrefix(%.40q) succeeded", bad.line)
		}
	}
}

// The forms on the right were printed by `ipset save` 7.17.
func TestAppendPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1/32":             "192.0.2.1",
		"192.0.2.0/24":             "192.0.2.0/24",
		"fe80::1/128":              "fe80::1",
		"::1/128":                  "::1",
		"::ffff/128":               "::ffff",
		"::1:0/128":                "::0.1.0.0",
		"::1.2.3.4/128":            "::1.2.3.4",
		"::100:0/104":              "::1.0.0.0/104",
		"::1:0:0/128":              "::1:0:0",
		"::ffff:0:0/96":            "::ffff:0.0.0.0/96",
		"::ffff:1.2.3.4/128":       "::ffff:1.2.3.4",
		"0:1::/32":                 "0:1::/32",
		"2001:db8:0:1:1:1:1:1/128": "2001:db8:0:1:1:1:1:1",
		"2001:0:0:1:0:0:0:1/128":   "2001:0:0:1::1",
		"0.0.0.0/0":                "0.0.0.0/0",
		"::/0":                     "::/0",
	} {
		if got := string(netset.AppendPrefix([]byte("add x "), netip.MustParsePrefix(text))); got != "add x "+want {
			t.Errorf("AppendPrefix(%s) = %s, want add x %s", text, got, want)
		}
	}
	if got := string(netset.AppendPrefix(nil, netip.Prefix{})); got != "" {
		t.Errorf("AppendPrefix of nothing = %s", got)
	}
}
