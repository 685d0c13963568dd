package faults

import (
	"regexp"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/savedplan"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// Others flush the rules while an apply loads its own: it notices, and what
// it undoes is its own alone. What others flushed does not come back.
func TestFault17ForeignFlush(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for _, before := range []string{"", "builtin:bastion"} {
			stage.Wipe(t)
			promise.Populate(t, before)
			old := stage.TakePicture(t)
			t.Run("from "+before, func(t *testing.T) {
				inject.BreakTool(`"$real" "$@"; ip6tables -F; exit 0`)(t)
				require.Contains(t, run.Expect(t, 3, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard"), "the host differs from the plan")
			})
			old["IPv6 rules"] = foreignRule.ReplaceAllString(old["IPv6 rules"], "")
			stage.TakePicture(t).Is(t, old)
		}
	})
}

// foreignRule is a rule of others in a save without counters.
var foreignRule = regexp.MustCompile(`(?m)^-A (MINE .*|INPUT -s 2001:db8:99::/48 .*)\n`)

// A setting that the kernel refuses, or does not take as it was written, takes
// everything back.
func TestFault32SettingRefused(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for value, says := range map[string]string{
			"300":  "invalid argument", // the kernel's bound is 255
			"64 7": `"64"`,             // it takes the first number
		} {
			t.Run(value, func(t *testing.T) {
				stage.Wipe(t)
				promise.Populate(t, "")
				path := savedplan.Forge(t, "builtin:database", func(text string) string {
					return ttl.ReplaceAllString(text, `${1}"`+value+`"`)
				})
				p := promise.Unchanged(t)
				require.Contains(t, run.Expect(t, 3, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), "net/ipv4/ip_default_ttl", says)
				p.IsOld(t)
			})
		}
	})
}

// ttl ends where the manifest of a saved plan states the default TTL.
var ttl = regexp.MustCompile(`("key": "net\.ipv4\.ip_default_ttl",\s+"value": )"128"`)

// A set that an apply left behind when it was killed is not an obstacle, and goes.
func TestLeftoverSet(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		web := stage.TakePicture(t)
		// The plan removes the set first and refills the other one second, for
		// which it takes the very name.
		run.Tool(t, "ipset create hardenctl-tmp-1 hash:net")
		run.Tool(t, "ipset flush hardenctl-trusted-v4")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		stage.TakePicture(t).Is(t, web)
	})
}
