package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// The faults of reading a profile, by their numbers. Those that need a live host
// are in test/live.

// Fault 23: bounds. Package live measures time and memory.
func TestFault23Bounds(t *testing.T) {
	refused(t, []badProfile{
		{"include cycle", `include = ["b.toml"]`, []string{`b.toml:2:12: error: include: "a.toml" includes itself`, "note: a.toml -> b.toml -> a.toml"}},
		{"10 MB", strings.Repeat("# ten megabytes\n", 10<<20/16), []string{`a.toml: error: profile "a.toml" is larger than 1 MiB`}},
	})
}

// literals are the texts in a profile.
var literals = regexp.MustCompile(`"[^"\n]*"`)

// Fault 24: what is not text, or would end a line or a quote in what is emitted,
// is refused in every text of a profile, whatever the text is for.
func TestFault24EveryText(t *testing.T) {
	text, err := os.ReadFile("../../test/live/testdata/everything.toml")
	if err != nil {
		t.Fatal(err)
	}
	enter(t, map[string]string{"lists/a.txt": "192.0.2.1\n"})
	whole := strings.Replace(string(text), "version = 1\n", "version = 1\ndescription = \"all\"\nsets.list.files = [\"lists/a.txt\"]\n", 1)
	places := literals.FindAllStringIndex(whole, -1)
	if r := checked(t, whole); r.code != 0 || len(places) < 60 {
		t.Fatalf("the profile itself, with %d texts: %+v", len(places), r)
	}
	for _, bad := range []string{"\xff", "\x00", "\r", "\x1b", `\n`, `\r`, `\"`, `\u0000`, `\u001b`, `\u202e`} {
		for i, at := range places {
			if i == 0 && bad == `\"` {
				continue // the description, which may quote: it is in nothing that is emitted
			}
			r := checked(t, whole[:at[1]-1]+bad+whole[at[1]-1:])
			if r.code != 1 || !strings.Contains(r.stderr, "a.toml:") || strings.ContainsAny(r.stderr, "\x00\r\x1b") {
				t.Errorf("%s with %q: exit code %d, %.300q", whole[at[0]:at[1]], bad, r.code, r.stderr)
			}
		}
	}
}

// checked writes a profile and checks it.
func checked(t *testing.T, text string) result {
	t.Helper()
	if err := os.WriteFile("a.toml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return run(t, "check", "a.toml")
}

// The same with the message of each.
func TestFault24Messages(t *testing.T) {
	refused(t, []badProfile{
		{"a newline in a log prefix", `log.prefix = "a\nb"`, []string{"a.toml:2:14: error: log.prefix: "}},
		{"a quote in a log prefix", `log.prefix = "a\"b"`, []string{"a.toml:2:14: error: log.prefix: "}},
		{"a backslash in a log prefix", `log.prefix = 'a\'`, []string{"a.toml:2:14: error: log.prefix: "}},
		{"a newline in a description", `description = "a\nCOMMIT"`, []string{"a.toml:2:15: error: description: "}},
		{"a quote in a name", "[services.\"a\\\"b\"]\nports = [\"tcp/1\"]", []string{"a.toml:2:2: error: ", "is not a name for a service"}},
		{"invalid UTF-8", "description = \"caf\xe9\"", []string{"a.toml:2:19: error: byte 0xe9 is not valid UTF-8"}},
		{"NUL bytes", "description = \"a\x00b\"\n\x00", []string{"a.toml:2:17: error: a NUL byte is not text", "a.toml:3:1: error: a NUL byte is not text"}},
	})
}

// Fault 28: a profile leads nowhere but into its own folder, and only to files;
// of anything else not a byte is shown.
func TestFault28Outside(t *testing.T) {
	refused(t, []badProfile{
		{"a FIFO as list", `sets.a.files = ["fifo"]`, []string{`a.toml:2:17: error: sets.a.files: list "fifo" is not a regular file`}},
		{"a FIFO as profile", `include = ["fifo"]`, []string{`a.toml:2:12: error: include: profile "fifo" is not a regular file`}},
		{"a folder as list", `sets.a.files = ["folder"]`, []string{`a.toml:2:17: error: sets.a.files: list "folder" is not a regular file`}},
		{"out of the folder", `sets.a.files = ["../../etc/shadow"]`,
			[]string{`a.toml:2:17: error: sets.a.files: "../../etc/shadow" lies outside the profile's folder`}},
		{"an absolute path", `include = ["/etc/hardenctl/site.toml"]`,
			[]string{`a.toml:2:12: error: include: "/etc/hardenctl/site.toml" lies outside the profile's folder`, "allow its folder"}},
		{"a link out of the folder", `sets.a.files = ["link"]`, []string{`a.toml:2:17: error: sets.a.files: list "link" cannot be read`}},
		{"/etc/shadow as a profile", `include = ["/etc/shadow"]`, []string{`a.toml:2:12: error: include: "/etc/shadow" lies outside the profile's folder`, "allow its folder"}},
		{"/etc/shadow as a list", `sets.a.files = ["/etc/shadow"]`, []string{`a.toml:2:17: error: sets.a.files: "/etc/shadow" lies outside the profile's folder`, "allow its folder"}},
		{"up, as a profile", `include = ["../../etc/shadow"]`, []string{`a.toml:2:12: error: include: "../../etc/shadow" lies outside the profile's folder`}},
		{"down and up", `include = ["folder/../../../etc/shadow"]`, []string{`a.toml:2:12: error: include: "../../etc/shadow" lies outside the profile's folder`}},
		{"a link as a profile", `include = ["link"]`, []string{`a.toml:2:12: error: include: profile "link" cannot be read`}},
		{"a device as list", `sets.a.files = ["device"]`, []string{`a.toml:2:17: error: sets.a.files: list "device" is not a regular file`}},
		{"a device as profile", `include = ["device"]`, []string{`a.toml:2:12: error: include: profile "device" is not a regular file`}},
	})
}

// device makes /dev/zero under a name, or where no user may do that, as in some
// containers, a socket, which is not a regular file either.
func device(t *testing.T, name string) {
	t.Helper()
	if syscall.Mknod(name, syscall.S_IFCHR|0o666, 1<<8|5) == nil {
		return
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// Fault 29: addresses that mean more, or something else, than they seem to.
func TestFault29Addresses(t *testing.T) {
	refused(t, []badProfile{
		{"octal address", `access.block = ["010.1.1.1"]`, []string{"a.toml:2:17: error: access.block: ", "010.1.1.1"}},
		{"octal address in a list", `sets.a.files = ["octal.txt"]`, []string{"octal.txt:2:1: error: ", "010.1.1.1"}},
		{"everyone blocked", `access.block = ["0.0.0.0/0"]`, []string{"a.toml:2:17: error: access.block: ", "0.0.0.0/0"}},
		{"everyone blocked by a list", "sets.a.files = [\"all.txt\"]\naccess.block = [\"@a\"]", []string{"a.toml:2:6: error: sets.a: the set covers every IPv4 address"}},
		{"everyone in halves", `access.block = ["0.0.0.0/1", "128.0.0.0/1"]`, []string{"a.toml:2:16: error: access.block: the addresses of this list cover everyone together"}},
		{"everyone in halves by a list", "sets.a.files = [\"halves.txt\"]\naccess.block = [\"@a\"]", []string{"a.toml:2:6: error: sets.a: the set covers every IPv4 address"}},
		{"all of IPv6 in halves", `access.block = ["::/1", "8000::/1"]`, []string{"a.toml:2:16: error: access.block: the addresses of this list cover everyone together"}},
		{"hostname", `access.admin = ["bastion.example.com"]`, []string{"a.toml:2:17: error: access.admin: ", "bastion.example.com"}},
		{"hostname in a list", `sets.a.files = ["host.txt"]`, []string{"host.txt:1:1: error: ", "example.com"}},
		{"IPv4 in IPv6", `access.block = ["::ffff:0:0/96"]`, []string{"a.toml:2:17: error: access.block: ", "::ffff:0:0/96"}},
		{"IPv4 in IPv6, in a list", `sets.a.files = ["mapped.txt"]`, []string{"mapped.txt:1:1: error: ", "::ffff:0:0/96"}},
		{"an abbreviated address", `access.block = ["1.2"]`, []string{"a.toml:2:17: error: access.block: ", "1.2"}},
		{"0/0 in short", `access.block = ["0/0"]`, []string{"a.toml:2:17: error: access.block: ", "0/0"}},
		{"everyone trusted", `access.admin = ["::/0"]`, []string{"a.toml:2:17: error: access.admin: ", "::/0"}},
	})
}

// Addresses that overlap are merged.
func TestFault29Overlaps(t *testing.T) {
	enter(t, map[string]string{
		"a.toml":   head + `access.block = ["198.51.100.0/25", "198.51.100.128/25", "198.51.100.7", "2001:db8::/33", "2001:db8:8000::/33", "@list"]` + "\nsets.list.files = [\"list.txt\"]\n",
		"list.txt": "198.51.100.0/24\n198.51.100.3-198.51.100.9\n2001:db8:1::/48\n",
	})
	if r := run(t, "compile", "a.toml", "-o", "out"); r.code != 0 {
		t.Fatalf("got %+v", r)
	}
	text, err := os.ReadFile(filepath.Join("out", bundle.Sets))
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range []struct{ set, member string }{{"hardenctl-block-v4", "198.51.100.0/24"}, {"hardenctl-block-v6", "2001:db8::/32"}} {
		if adds := strings.Count(string(text), "add "+family.set+" "); adds != 1 || !strings.Contains(string(text), "add "+family.set+" "+family.member+"\n") {
			t.Errorf("%s has %d members, and should have %s", family.set, adds, family.member)
		}
	}
}
