package extension

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/distro"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

var (
	bpf      = ruleset.Extension{Kind: ruleset.MatchExtension, Name: "bpf"}
	synproxy = ruleset.Extension{Kind: ruleset.TargetExtension, Name: "SYNPROXY"}
)

func TestError(t *testing.T) {
	scan := bundle.Origin{Part: "scan", File: "builtin:base", Line: 22}
	https := bundle.Origin{Part: "services.https", File: "web.toml", Line: 4}
	const (
		debian = "ID=debian\nVERSION_ID=12\n"
		rhel10 = "ID=rhel\nVERSION_ID=10.2\n"
	)
	for _, test := range []struct {
		name, osRelease, release string
		e                        MissingError
		want                     []string
	}{
		{"a library on RHEL", rhel10, "none", MissingError{Extensions: []ruleset.Extension{bpf}, Origins: []bundle.Origin{scan}}, []string{
			"it is needed by: scan (builtin:base:22)", "to install it (RHEL 10): dnf install iptables-libs", "to avoid it: fingerprint = false and dont_fragment = false in [scan]"}},
		{"a module without a folder of modules", debian, "none", MissingError{Extensions: []ruleset.Extension{bpf}, Kernel: true, Origins: []bundle.Origin{scan}}, []string{
			"the kernel of this host (none) does not have the match bpf of iptables (xt_bpf)", "/lib/modules/none is missing", "modprobe -a xt_bpf"}},
		{"a module that the kernel is built without", rhel10, "none", MissingError{Extensions: []ruleset.Extension{synproxy}, Kernel: true, Family: ruleset.V6, Origins: []bundle.Origin{https}}, []string{
			"(ip6t_SYNPROXY)", "the kernel of RHEL 10 is built without this, and no package adds it", "to avoid it: synproxy = false in [services.https]"}},
		{"WSL2", debian, "6.1.21.2-microsoft-standard-WSL2", MissingError{Extensions: []ruleset.Extension{bpf}, Kernel: true}, []string{"the kernel is from WSL2, and no distribution package adds this"}},
		{"an unknown distribution", "ID=arch\n", "none", MissingError{Extensions: []ruleset.Extension{bpf}}, []string{"install the package with the libraries of iptables"}},
		{"five parts", debian, "none", MissingError{Extensions: []ruleset.Extension{bpf}, Origins: slices.Repeat([]bundle.Origin{scan}, 5)}, []string{"scan (builtin:base:22), and 1 more"}},
		{"one of two", debian, "none", MissingError{Extensions: []ruleset.Extension{bpf, synproxy}, Kernel: true}, []string{"does not have one of these: match bpf of iptables, target SYNPROXY of iptables (xt_bpf, ipt_SYNPROXY)"}},
	} {
		e := test.e
		e.Err = errors.New("no")
		e.release, e.host = test.release, distro.Find(test.osRelease, test.release)
		for _, want := range append(test.want, "the tool said: no") {
			if !strings.Contains(e.Error(), want) {
				t.Errorf("%s: no %q in\n%s", test.name, want, e.Error())
			}
		}
	}
}

// TestModulePackages holds that each distribution's package of modules is named
// where the kernel that runs has a folder of modules, and lacks one in it.
func TestModulePackages(t *testing.T) {
	for osRelease, want := range map[string]string{
		"ID=rhel\nVERSION_ID=10.2":        "to install it (RHEL 10): dnf install kernel-modules-extra-$(uname -r) && modprobe -a xt_bpf",
		"ID=ubuntu\nVERSION_ID=\"24.04\"": "linux-modules-extra-$(uname -r) && modprobe -a xt_bpf",
		"ID=arch":                         "to install it: install the package with all modules of the kernel",
	} {
		e := MissingError{Extensions: []ruleset.Extension{bpf}, Kernel: true, shelf: true, host: distro.Find(osRelease, "")}
		if got := e.installModule(); !strings.Contains(got, want) {
			t.Errorf("%q: %s", osRelease, got)
		}
	}
}

const rulesText = `# a comment
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -m comment --comment "a -m u32 in words" -j DROP
-A PREROUTING -m set --match-set s src -j SET --add-set s src --exist
COMMIT
*filter
:INPUT DROP [0:0]
:HARDENCTL-INPUT - [0:0]
-A INPUT -j HARDENCTL-INPUT
-A HARDENCTL-INPUT -m connlimit --connlimit-above 9 -j DROP
COMMIT
`

// TestCulprits holds what is made of words that name no extension.
func TestCulprits(t *testing.T) {
	entries := []bundle.RuleEntry{{Family: 4, Table: "raw", Chain: "PREROUTING", Number: 2, Origin: bundle.Origin{Part: "scan"}},
		{Family: 6, Table: "filter", Chain: "HARDENCTL-INPUT", Number: 1, Origin: bundle.Origin{Part: "wrong"}}}
	rules := readRules(ruleset.V4, []byte(rulesText), entries)
	if len(rules) != 4 || rules[1].Origin.Part != "scan" || rules[3].Origin.Part != "" || len(rules[2].uses) != 0 {
		t.Fatalf("read %+v", rules)
	}
	for _, test := range []struct {
		words  string
		line   int
		want   string
		kernel bool
	}{
		{"line 11: RULE_APPEND failed (No such file or directory): rule in chain HARDENCTL-INPUT", 11, "[match connlimit]", true},
		{"line 5: RULE_APPEND failed (No such file or directory): rule in chain PREROUTING", 5, "[match set target SET]", true},
		{"line 12: RULE_APPEND failed (No such file or directory): rule in chain INPUT", 12, "[]", true}, // 1.8.7 names the COMMIT
		{"Warning: Extension SET revision 0 not supported, missing kernel module?\nline 5: RULE_APPEND failed (No such file or directory): rule in chain PREROUTING", 5, "[target SET]", true},
		{"Warning: Extension connlimit revision 0 not supported, missing kernel module?\niptables-restore: line 12 failed", 12, "[match connlimit]", true},
		{"iptables-restore v1.8.7 (nf_tables): Couldn't load match `connlimit':No such file or directory", 11, "[match connlimit]", true},
		{"iptables-restore v1.8.7 (nf_tables): unknown option \"--add-set\"", 5, "[target SET]", true},
		{"iptables-restore v1.8.7 (nf_tables): unknown option \"--match-set\"", 5, "[]", true}, // an old library
		{"line 5: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING", 5, "[]", false},
		{"ip6tables-restore v1.8.9 (legacy): ip6tables-restore: can't initialize ip6tables table `raw': Table does not exist (do you need to insmod?)", 6, "[table raw]", true},
		{"Set s doesn't exist.", 5, "[]", false},
	} {
		got, kernel := culprits(&tool.Error{Words: test.words, Line: test.line}, ruleset.V4, rules)
		if fmt.Sprint(got) != test.want || kernel != test.kernel {
			t.Errorf("%q: %v, of the kernel: %v", test.words, got, kernel)
		}
	}
}
