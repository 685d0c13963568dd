package guard

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Of the rules, only those that log stay away, whatever is logged.
func TestWithoutLog(t *testing.T) {
	b, err := bundle.ReadFolder(os.DirFS("../../../golden/web"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bundle.RulesV4, bundle.RulesV6} {
		var logging []string
		kept := string(withoutLog(b.File(name)))
		for line := range strings.Lines(string(b.File(name))) {
			if strings.Contains(line, "--log-prefix") {
				logging = append(logging, line)
			} else if !strings.Contains(kept, line) {
				t.Errorf("%s: lost %s", name, line)
			}
		}
		if len(logging) == 0 || strings.Contains(kept, "LOG") || strings.Count(kept, "\n")+len(logging) != strings.Count(string(b.File(name)), "\n") {
			t.Errorf("%s: of %d rules that log, these stay:\n%s", name, len(logging), kept)
		}
	}
}

// Settings of the whole machine are never written, also where the namespace
// shows them.
func TestOfNamespace(t *testing.T) {
	for path, want := range map[string]bool{
		"/proc/sys/net/ipv4/tcp_syncookies":              true,
		"/proc/sys/net/ipv6/conf/all/accept_redirects":   true,
		"/proc/sys/net/netfilter/nf_conntrack_tcp_loose": true,
		"/proc/sys/net/netfilter/nf_conntrack_max":       false,
		"/proc/sys/net/core/rmem_max":                    false,
		"/proc/sys/kernel/panic":                         false,
		"/sys/module/nf_conntrack/parameters/hashsize":   false,
		"": false, // an offload of a network interface
	} {
		if got := ofNamespace(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
