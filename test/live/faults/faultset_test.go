package faults

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/savedplan"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// inTheWay makes a set that the profile wants, of a type that cannot be swapped
// for its own while a rule names it.
func inTheWay(kind string) func(t *testing.T) {
	return func(t *testing.T) {
		const name = "hardenctl-clients-v6"
		run.Tool(t, "ipset create "+name+" "+kind)
		iptables := "ip6tables"
		if strings.HasSuffix(kind, "inet") {
			iptables = "iptables"
		}
		run.Tool(t, iptables+" -t mangle -A OUTPUT -m set --match-set "+name+" dst")
		t.Cleanup(func() {
			run.Tool(t, iptables+" -t mangle -D OUTPUT 1")
			require.NoError(t, kernelset.Destroy(name))
		})
	}
}

// A set of another type or family under our name stays while rules name it.
func TestFault12SetInTheWay(t *testing.T) {
	strike(t,
		fault{name: "of another type", arrange: inTheWay("hash:ip family inet6"), says: "set hardenctl-clients-v6: it has the type hash:ip of IPv6"},
		fault{name: "of another family", arrange: inTheWay("hash:net family inet"), says: "set hardenctl-clients-v6: it has the type hash:net of IPv4"})
}

// A set that has no room for its members is not swapped in. Where the file of
// the sets is rehearsed, since others have sets in it too, that is found before
// anything is changed.
func TestFault13SetFull(t *testing.T) {
	more := testfile.Write(t, "more.toml", "version = 1\ninclude = [\"builtin:database\"]\n[sets.clients]\naddresses = [\"10.20.0.0/16\", \"10.22.0.0/16\", \"fd12::/48\"]\n")
	shrink := func(text string) string { return smallSet.ReplaceAllString(text, "${1}1") }
	stage.OnBackends(t, func(t *testing.T) {
		for _, before := range []string{"", "builtin:database"} {
			for _, others := range []bool{false, true} {
				t.Run(fmt.Sprintf("from %q/others %v", before, others), func(t *testing.T) {
					stage.Wipe(t)
					code, says := 3, "set hardenctl-clients-v4: "
					if others {
						stage.AddForeign(t)
						code, says = 1, "would fail to load at boot"
					}
					if before != "" {
						run.Expect(t, 0, "apply", before, "--auto-approve", "--confirm-within", "0", "--no-guard")
					}
					path := savedplan.Forge(t, more, shrink)
					p := promise.Unchanged(t)
					require.Contains(t, run.Expect(t, code, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), says, "full")
					p.IsOld(t)
				})
			}
		}
	})
}

// smallSet ends where the room of the set is.
var smallSet = regexp.MustCompile(`(create hardenctl-clients-v4 hash:net family inet hashsize \d+ maxelem )\d+`)

// A set of another type under our name is replaced if nothing names it, and is
// back if the apply fails.
func TestFault12SetOfAnotherType(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Tool(t, "ipset create hardenctl-trusted-v4 hash:ip timeout 60")
		run.Tool(t, "ipset add hardenctl-trusted-v4 203.0.113.9 timeout 0")
		before := stage.TakePicture(t)
		t.Run("broken", func(t *testing.T) {
			inject.BreakTool("echo not today >&2; exit 1")(t)
			run.Expect(t, 3, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
			stage.TakePicture(t).Is(t, before)
		})
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		require.Contains(t, run.Tool(t, "ipset list -t hardenctl-trusted-v4"), "Type: hash:net")
	})
}

// A set that is wanted no more and that a rule of others names stays, without
// an error, until that rule has gone.
func TestSetThatOthersName(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Tool(t, "iptables -A FORWARD -m set --match-set hardenctl-trusted-v4 src -j ACCEPT")
		bare := testfile.Write(t, "bare.toml", "version = 1\ninclude = [\"builtin:web\"]\n[access]\nexempt = []\n")
		require.Contains(t, run.Expect(t, 0, "apply", bare, "--auto-approve", "--confirm-within", "0", "--no-guard"), "set hardenctl-trusted-v4 is not needed any more, but stays")
		run.Expect(t, 0, "plan", bare, "--detailed-exitcode")
		run.Tool(t, "iptables -D FORWARD 1")
		require.Contains(t, run.Expect(t, 0, "apply", bare, "--auto-approve", "--confirm-within", "0", "--no-guard"), "- hardenctl-trusted-v4")
		run.Expect(t, 0, "plan", bare, "--detailed-exitcode")
		if left := testfile.Glob(t, "/etc/iptables/.*hardenctl*"); left != nil {
			t.Errorf("left behind: %v", left)
		}
	})
}
