package netset_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

func TestReadText(t *testing.T) {
	const text = "# a feed\r\n" +
		"\r\n" +
		"192.0.2.1\r\n" +
		"  192.0.2.2 # a neighbour\n" +
		"\t198.51.100.0/24;another comment\n" +
		"203.0.113.1-203.0.113.6\n" +
		"2001:db8::/32\n" +
		"2001:db8:ffff::1-2001:db9::1\n" +
		"; the end\n" +
		"192.0.2.1"
	var diags diag.List
	set, entries := netset.ReadText("feed.txt", []byte(text), &diags)
	if len(diags) != 0 {
		t.Errorf("diagnostics: %v", diags)
	}
	if entries != 7 {
		t.Errorf("%d entries, want 7: every line that holds one counts", entries)
	}
	want4 := prefixes("192.0.2.1/32", "192.0.2.2/32", "198.51.100.0/24",
		"203.0.113.1/32", "203.0.113.2/31", "203.0.113.4/31", "203.0.113.6/32")
	if got := set.V4(); !reflect.DeepEqual(got, want4) {
		t.Errorf("V4() = %v\nwant %v", got, want4)
	}
	want6 := prefixes("2001:db8::/32", "2001:db9::/127")
	if got := set.V6(); !reflect.DeepEqual(got, want6) {
		t.Errorf("V6() = %v\nwant %v", got, want6)
	}
}

// badLines are lines that are refused, with the column, the code and parts of
// the message and of the suggestion.
var badLines = []struct {
	line                      string
	column                    int
	code, message, suggestion string
}{
	{"example.com", 1, "host-name", `"example.com" is a host name`, "write its addresses"},
	{"  localhost # me", 3, "host-name", `"localhost"`, ""},
	{"my-host", 1, "host-name", `"my-host"`, ""},
	{"010.1.1.1", 1, "octal-address", `ipset reads as 8.1.1.1`, "write 10.1.1.1"},
	{"010.1.1.0/24", 1, "octal-address", `ipset reads as 8.1.1.0/24`, "write 10.1.1.0/24"},
	{"08.1.1.1", 1, "octal-address", `"08.1.1.1" has a part with a leading zero`, "write 8.1.1.1"},
	{"1.2", 1, "short-address", `ipset reads as 1.0.0.2`, "write all four parts"},
	{"10", 1, "short-address", `ipset reads as 0.0.0.10`, "write all four parts"},
	{"10/8", 1, "short-address", `ipset reads as 0.0.0.0/8`, "write 10.0.0.0/8"},
	{"10.1/16", 1, "short-address", `ipset reads as 10.0.0.0/16`, "write 10.1.0.0/16"},
	{"10.1/40", 1, "short-address", `"10.1/40" is abbreviated`, "write all four parts"},
	{"192.0.2.256", 1, "bad-address", `"192.0.2.256" is not an IPv4 address`, "each a number from 0 to 255"},
	{"192.0.2.1.5", 1, "bad-address", `not an address or prefix`, "192.0.2.0/24"},
	{"1..2.3", 1, "bad-address", `not an address or prefix`, ""},
	{"192.0.2.1:80", 1, "address-port", `has a port`, "write 192.0.2.1"},
	{"[2001:db8::1]:80", 1, "address-port", `has a port`, "write 2001:db8::1"},
	{"[2001:db8::1]", 1, "bad-address", `has brackets`, "write 2001:db8::1"},
	{"fe80::1%eth0", 1, "address-zone", `"eth0"`, "write fe80::1"},
	{"::ffff:1.2.3.4", 1, "mapped-address", `IPv4-mapped`, "write 1.2.3.4"},
	{"::ffff:10.0.0.0/104", 1, "mapped-address", `IPv4-mapped`, "write 10.0.0.0/8"},
	{"::ffff:10.0.0.0/64", 1, "mapped-address", `IPv4-mapped`, "write the IPv4 prefix"},
	{"192.0.2.0/33", 1, "prefix-length", `a number from 0 to 32`, "write 192.0.2.0 for one address"},
	{"192.0.2.0/255.255.255.0", 1, "prefix-length", `a number from 0 to 32`, "write 192.0.2.0/24"},
	{"2001:db8::/129", 1, "prefix-length", `a number from 0 to 128`, ""},
	{"192.0.2.0/024", 1, "prefix-length", `a number from 0 to 32`, ""},
	{"192.0.2.9-192.0.2.1", 1, "bad-range", `ends before it starts`, "write 192.0.2.1-192.0.2.9"},
	{"192.0.2.9-::1", 1, "bad-range", `one address family to the other`, ""},
	{"192.0.2.9-1.2", 1, "short-address", `"1.2" is abbreviated`, ""},
	{"192.0.2.1 spam", 11, "trailing-text", `"spam" follows the entry`, "# before a comment"},
	{"192.0.2.1 - 192.0.2.9", 11, "trailing-text", `"- 192.0.2.9"`, "one entry on a line"},
	{"192.0.2.1 \x00", 11, "bad-bytes", `NUL`, ""},
	{"192.0.2.1 # caf\xe9", 16, "bad-bytes", `0xe9 is not UTF-8`, ""},
	{"\x00\xff", 1, "bad-bytes", `NUL`, ""},
	{"\ufeff192.0.2.1", 1, "bad-bytes", `byte order mark`, ""},
	{strings.Repeat("a", 5000), 1, "bad-address", `"` + strings.Repeat("a", 64) + `"…`, ""},
	{"\x1b[31m", 1, "bad-address", `"\x1b[31m"`, ""},
}

func TestBadLines(t *testing.T) {
	for _, bad := range badLines {
		var diags diag.List
		set, entries := netset.ReadText("l", []byte("# head\n"+bad.line+"\n"), &diags)
		if !set.IsEmpty() || entries != 0 || len(diags) != 1 {
			t.Errorf("%.40q: %d entries, %v", bad.line, entries, diags)
			continue
		}
		d := diags[0]
		if d.Severity != diag.Error || d.Position != (diag.Position{File: "l", Line: 2, Column: bad.column}) || d.Code != bad.code {
			t.Errorf("%.40q: %s at %s, want %s at column %d", bad.line, d.Code, d.Position, bad.code, bad.column)
		}
		if !strings.Contains(d.Message, bad.message) || !strings.Contains(d.Suggestion, bad.suggestion) || d.Suggestion == "" {
			t.Errorf("%.40q:\n%s\n%s\nwant\n%s\n%s", bad.line, d.Message, d.Suggestion, bad.message, bad.suggestion)
		}
	}
}

func TestHostBitsInTextAreAWarning(t *testing.T) {
	var diags diag.List
	set, entries := netset.ReadText("l", []byte("1.1.1.1\n 10.1.2.3/8\n2001:db8::1/32\n"), &diags)
	if entries != 3 || !set.Equal(of("1.1.1.1/32", "10.0.0.0/8", "2001:db8::/32")) {
		t.Errorf("%d entries: %v", entries, set.V4())
	}
	if len(diags) != 2 || diags.HasErrors() {
		t.Fatalf("diagnostics: %v", diags)
	}
	const want = `l:2:2: warning: "10.1.2.3/8" has address bits beyond its length of 8`
	if diags[0].String() != want || !strings.Contains(diags[0].Suggestion, "10.0.0.0/8") {
		t.Errorf("got %s (%s)\nwant %s", diags[0], diags[0].Suggestion, want)
	}
}

func TestManyBadLines(t *testing.T) {
	for _, test := range []struct {
		warnings, errors int
		shown, hidden    int
		hiddenAre        diag.Severity
	}{
		{0, 20, 20, 0, 0},
		{0, 50, 20, 30, diag.Error},
		{50, 0, 20, 30, diag.Warning},
		{50, 5, 20, 35, diag.Warning},
		{5, 50, 20, 35, diag.Error},
		{10, 10, 20, 0, 0},
	} {
		text := strings.Repeat("10.1.1.1/8\n", test.warnings) + strings.Repeat("1.2\n", test.errors)
		var diags diag.List
		_, entries := netset.ReadText("l", []byte(text), &diags)
		if entries != test.warnings {
			t.Errorf("%+v: %d entries", test, entries)
		}
		if test.hidden == 0 {
			if len(diags) != test.shown {
				t.Errorf("%+v: %d diagnostics", test, len(diags))
			}
			continue
		}
		if len(diags) != test.shown+1 {
			t.Errorf("%+v: %d diagnostics", test, len(diags))
			continue
		}
		last := diags[test.shown]
		if last.Code != "more-entries" || last.Severity != test.hiddenAre || !strings.HasPrefix(last.Message, fmt.Sprint(test.hidden, " more ")) {
			t.Errorf("%+v: the last one is %s", test, last)
		}
		if errors := len(diags) - 1 - min(test.shown, max(0, 20-test.errors)); errors != min(20, test.errors) {
			t.Errorf("%+v: %d errors shown", test, errors)
		}
	}
}

func TestDiagnosticsComeInTheOrderOfTheList(t *testing.T) {
	var diags diag.List
	netset.ReadText("l", []byte("10.1.1.1/8\n1.2\n10.1.1.1/8\n1.2\n"), &diags)
	for i, d := range diags {
		if d.Line != i+1 {
			t.Errorf("diagnostic %d is %s", i, d)
		}
	}
	if len(diags) != 4 {
		t.Errorf("%d diagnostics, want 4", len(diags))
	}
}

// TestAgainstIprange compares with the tool that administrators use for this.
func TestAgainstIprange(t *testing.T) {
	tool, err := exec.LookPath("iprange")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("iprange is not installed: install the Debian package iprange")
		}
		t.Skip("iprange is not installed: its agreement with this package was NOT tested")
	}
	for _, n := range []int{10, 1000, 100_000} {
		text := randomList(n)
		command := exec.Command(tool, "-")
		command.Stdin = bytes.NewReader(text)
		want, err := command.Output()
		if err != nil {
			t.Fatalf("iprange: %v", err)
		}
		var diags diag.List
		set, entries := netset.ReadText("l", text, &diags)
		if got := format(set); entries != n || len(diags) > 0 || !bytes.Equal(got, want) {
			t.Errorf("%d entries: %d lines, iprange has %d; %v", n, bytes.Count(got, []byte("\n")), bytes.Count(want, []byte("\n")), diags)
		}
	}
}

// format writes a set one prefix a line.
func format(set netset.Set) []byte {
	var out []byte
	for _, p := range set.V4() {
		out = append(netset.AppendPrefix(out, p), '\n')
	}
	for _, p := range set.V6() {
		out = append(netset.AppendPrefix(out, p), '\n')
	}
	return out
}
