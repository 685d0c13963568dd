package needs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/distro"
	"github.com/hardenctl/hardenctl/compiler/needs"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/profiles"
)

// everything is a profile whose rules use all that rules can use.
const everything = `include = ["builtin:howto"]
policy.input = "reject"
services.https.synproxy = true
services.mail = { ports = ["tcp/25", "tcp/587"], connections_per_source = 20 }
`

func lowered(t *testing.T, text string) (*ruleset.Ruleset, diag.List) {
	t.Helper()
	files := profile.Folders{Builtins: profiles.FS(), Root: fstest.MapFS{"a.toml": {Data: []byte("version = 1\n" + text)}}}
	rs, list := compiler.Lower("a.toml", files)
	if rs == nil {
		t.Fatalf("%s\nis wrong: %v", text, list)
	}
	return rs, list
}

// parts returns which parts of a profile need an extension.
func parts(rs *ruleset.Ruleset, e ruleset.Extension) []string {
	var names []string
	for _, n := range needs.Of(rs) {
		for _, o := range n.Origins {
			if n.Extension == e {
				names = append(names, o.Part)
			}
		}
	}
	return names
}

// TestTheTableKnowsAll holds that the table has every match and target that
// package emit can write, by its source, and every set type.
func TestTheTableKnowsAll(t *testing.T) {
	files, err := filepath.Glob("../emit/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of emit: %v", err)
	}
	var written []ruleset.Extension
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text = regexp.MustCompile(`(?m)^\s*//.*$`).ReplaceAll(text, nil)
		for _, m := range regexp.MustCompile(`["\x60] ?-m ([a-z0-9]+) `).FindAllSubmatch(text, -1) {
			written = append(written, ruleset.Extension{Kind: ruleset.MatchExtension, Name: string(m[1])})
		}
		for _, m := range regexp.MustCompile(`["\x60]([A-Z]{2,}) --`).FindAllSubmatch(text, -1) {
			written = append(written, ruleset.Extension{Kind: ruleset.TargetExtension, Name: string(m[1])})
		}
	}
	if len(written) < 20 {
		t.Fatalf("the source of emit has only %v", written)
	}
	for _, kind := range []ruleset.SetType{ruleset.HashIP, ruleset.HashIPPort, ruleset.HashNet} {
		written = append(written, ruleset.Extension{Kind: ruleset.SetExtension, Name: string(kind)})
	}
	for _, e := range written {
		if _, known := distro.Lookup(e); !known {
			t.Errorf("the table of distributions does not have the %s", distro.Title(e))
		}
	}
}

// TestOf holds that what a ruleset needs is what its profile asks for, and no
// more.
func TestOf(t *testing.T) {
	rs, _ := lowered(t, everything)
	for _, test := range []struct {
		kind  ruleset.ExtensionKind
		name  string
		parts []string
	}{
		{ruleset.TargetExtension, "SYNPROXY", []string{"services.https"}},
		{ruleset.TargetExtension, "REJECT", []string{"policy"}},
		{ruleset.MatchExtension, "owner", []string{"services.https"}},
		{ruleset.MatchExtension, "multiport", []string{"services.mail", "scan"}},
		{ruleset.MatchExtension, "connlimit", []string{"services.mail"}},
		{ruleset.MatchExtension, "hl", []string{"policy"}},
		{ruleset.SetExtension, "hash:net", []string{"access"}},
	} {
		if got := parts(rs, ruleset.Extension{Kind: test.kind, Name: test.name}); !slices.Equal(got, test.parts) {
			t.Errorf("%s %s is needed by %v, want %v", test.kind, test.name, got, test.parts)
		}
	}
	plain, _ := lowered(t, "services.ssh.ports = [\"tcp/22\"]")
	if got := parts(plain, ruleset.Extension{Kind: ruleset.TargetExtension, Name: "SYNPROXY"}); got != nil {
		t.Errorf("without synproxy, it is needed by %v", got)
	}
}

// TestCheckNamesDistributions shows the warning of a profile that not every
// distribution can load.
func TestCheckNamesDistributions(t *testing.T) {
	_, list := lowered(t, "include = [\"builtin:web\"]\nservices.https.synproxy = true\n")
	var got []string
	for _, d := range list {
		if d.Code == needs.NotPortable {
			got = append(got, d.String()+"\n"+d.Note+"\n"+d.Suggestion)
		}
	}
	const want = `a.toml:3:10: warning: services.https: needs the target SYNPROXY of iptables, which the kernel of RHEL 10 does not have
it is built without CONFIG_IP_NF_TARGET_SYNPROXY and CONFIG_IP6_NF_TARGET_SYNPROXY; plan and apply refuse there, and change nothing
synproxy = false in [services.https] does without`
	if !slices.Equal(got, []string{want}) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestWithout holds that what a message tells to do does away with the need.
func TestWithout(t *testing.T) {
	for _, test := range []struct {
		kind           ruleset.ExtensionKind
		name, part     string
		before, change string
	}{
		{ruleset.MatchExtension, "recent", "scan", `scan.engine = "recent"`, `scan.engine = "sets"`},
		{ruleset.MatchExtension, "recent", "services.ssh", `services.ssh.new_per_source = "10 in 60s"`, `services.ssh.new_per_source = "1/second burst 10"`},
		{ruleset.MatchExtension, "bpf", "scan", `scan.fingerprint = true`, "scan.fingerprint = false\nscan.dont_fragment = false"},
		{ruleset.MatchExtension, "bpf", "icmp.echo_per_source", `icmp.echo_per_source = "1/second burst 5"`, `icmp.remove = ["echo_per_source"]`},
		{ruleset.MatchExtension, "connlimit", "services.x", `services.x = { ports = ["tcp/9999"], connections_per_source = 9 }`, `services.x.ports = ["tcp/9999"]`},
		{ruleset.MatchExtension, "owner", "services.https", `services.https.synproxy = true`, `services.https.synproxy = false`},
		{ruleset.TargetExtension, "CT", "services.https", `services.https.synproxy = true`, `services.https.synproxy = false`},
		{ruleset.TargetExtension, "TCPOPTSTRIP", "services.https", `services.https.synproxy = true`, `services.https.synproxy = false`},
		{ruleset.TargetExtension, "SYNPROXY", "services.https", `services.https.synproxy = true`, `services.https.synproxy = false`},
		{ruleset.TargetExtension, "REJECT", "policy", `policy.input = "reject"`, `policy.input = "drop"`},
	} {
		e := ruleset.Extension{Kind: test.kind, Name: test.name}
		detail, _ := distro.Lookup(e)
		if detail.WithoutIn(test.part) == "" {
			t.Errorf("%s: the table does not say how %s does without", e, test.part)
		}
		before, _ := lowered(t, "include = [\"builtin:web\"]\n"+test.before)
		after, _ := lowered(t, "include = [\"builtin:web\"]\n"+test.change)
		if !slices.Contains(parts(before, e), test.part) || slices.Contains(parts(after, e), test.part) {
			t.Errorf("%s: with %q it is needed by %v, and with %q by %v", e, test.before, parts(before, e), test.change, parts(after, e))
		}
	}
}
