package netset_test

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

func TestReadJSON(t *testing.T) {
	const text = `{
  "creationTime": "2026-01-01T00:00:00",
  "huge": 1e999, "nested": {"prefixes": [1, [2]]},
  "prefixes": [
    {"ipv6Prefix": "2001:db8::/33"},
    {"ipv6Prefix": "2001:db8:8000::/33", "service": "a"},
    {"ipv4Prefix": "192.0.2.0/25", "ipv6Prefix": "2001:db8::/48"},
    {"ipv4Prefix": "192.0.2.128\/25"}
  ]
}`
	var diags diag.List
	set, entries := netset.ReadJSON("bot.json", []byte(text), &diags)
	if entries != 5 || !set.Equal(of("2001:db8::/32", "192.0.2.0/24")) || len(diags) > 0 {
		t.Errorf("%d entries: %v %v %v", entries, set.V4(), set.V6(), diags)
	}
}

func TestReadJSONOfNothing(t *testing.T) {
	var diags diag.List
	set, entries := netset.ReadJSON("bot.json", []byte(`{"prefixes":[]}`), &diags)
	if entries != 0 || !set.IsEmpty() || len(diags) > 0 {
		t.Errorf("%d entries, %v", entries, diags)
	}
}

// Each text with the diagnostics that it gives, one a line.
var badJSON = []struct{ text, want string }{
	{"", `b:1:1: the list is not JSON: unexpected end of JSON input`},
	{"{\n \"prefixes\": [\n", `b:2:15: the list is not JSON: unexpected end of JSON input`},
	{"{\n \"prefixes\": [}", `b:2:15: the list is not JSON: invalid character '}' looking for beginning of value`},
	{"{} x", `b:1:4: the list is not JSON: invalid character 'x' after top-level value`},
	{"[]", `b:1:1: the list must be an object that holds "prefixes"`},
	{" 7", `b:1:2: the list must be an object that holds "prefixes"`},
	{"{}", `b:1:1: the list has no "prefixes"`},
	{`{"prefixes": {"a": [1]}}`, `b:1:14: "prefixes" must be an array`},
	{`{"prefixes": ["192.0.2.1"]}`, `b:1:15: each of "prefixes" must be an object`},
	{"{\"prefixes\": [{},\n{\"ip_prefix\": \"192.0.2.0/24\"}]}", `b:1:15: this object holds neither "ipv4Prefix" nor "ipv6Prefix"
b:2:1: this object holds neither "ipv4Prefix" nor "ipv6Prefix"`},
	{"{\"prefixes\": [{\n\"ip_prefix\": 1}]}", `b:1:15: this object holds neither "ipv4Prefix" nor "ipv6Prefix"`},
	{`{"prefixes": [{"ipv4Prefix": null}]}`, `b:1:30: a prefix must be a string`},
	{"{\"prefixes\": [{\"ipv4Prefix\" :\n  \"010.1.1.1\"}]}", `b:2:3: "010.1.1.1" has a part with a leading zero, which ipset reads as 8.1.1.1`},
	{`{"prefixes": [{"ipv4Prefix": "2001:db8::/32"}]}`, `b:1:30: "2001:db8::/32" is not IPv4`},
	{`{"prefixes": [{"ipv6Prefix": "192.0.2.0/24"}]}`, `b:1:30: "192.0.2.0/24" is not IPv6`},
	{`{"prefixes": [{"ipv4Prefix": "10.1.2.3/8"}]}`, `b:1:30: warning: "10.1.2.3/8" has address bits beyond its length of 8`},
	{`{"prefixes": [{"ipv4Prefix": "192.0.2.1-192.0.2.9"}]}`, `b:1:30: "192.0.2.1-192.0.2.9" is not an address or prefix`},
	{"{\"a\": \"\xff\"}", `b:1:8: the byte 0xff is not UTF-8 here`},
	{"{\"a\":\n\"\x00\"}", `b:2:2: the text holds a NUL byte`},
}

func TestBadJSON(t *testing.T) {
	for _, bad := range badJSON {
		var diags diag.List
		netset.ReadJSON("b", []byte(bad.text), &diags)
		var got []string
		for _, d := range diags {
			got = append(got, d.String())
			if d.Suggestion == "" {
				t.Errorf("%q: no suggestion in %s", bad.text, d)
			}
		}
		if text := strings.Join(got, "\n"); text != bad.want {
			t.Errorf("%q:\n%s\nwant\n%s", bad.text, text, bad.want)
		}
	}
}

func TestManyBadPrefixesInJSON(t *testing.T) {
	var diags diag.List
	text := `{"prefixes": [{}` + strings.Repeat(",\n{\"ipv4Prefix\": \"1.2\"}", 100_000) + `]}`
	netset.ReadJSON("b", []byte(text), &diags)
	const want = "b:100001:16: 99981 more bad entries, the last of them here"
	if len(diags) != 21 || diags[20].String() != want {
		t.Errorf("%d diagnostics, the last %v", len(diags), diags[len(diags)-1])
	}
}
