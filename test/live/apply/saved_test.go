package apply

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/savedplan"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

func TestSavedPlan(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		path := savedplan.Save(t, "builtin:web")
		if mode := run.Tool(t, "stat -c %a "+path); mode != "600\n" {
			t.Errorf("the file has mode %s", mode)
		}
		run.Expect(t, 0, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		require.Contains(t, run.Expect(t, 1, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), "the host has changed since the plan was made")
		run.Expect(t, 1, "apply", "builtin:web", "--plan", path)
	})
}

// A saved plan is for the host as it was: any change since refuses it.
func TestFault16HostHasMoved(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for name, command := range map[string]string{
			"a foreign rule":  "iptables -A FORWARD -s 192.0.2.99 -j DROP",
			"a foreign chain": "ip6tables -N MORE",
			"a foreign set":   "ipset create more hash:ip",
			"a setting":       "sysctl -qw net.ipv4.ip_default_ttl=99",
			"a file":          "touch /etc/iptables/ipsets",
		} {
			t.Run(name, func(t *testing.T) {
				stage.Wipe(t)
				path := savedplan.Save(t, "builtin:web")
				run.Tool(t, command)
				before := stage.TakePicture(t)
				require.Contains(t, run.Expect(t, 1, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), "the host has changed since the plan was made; make a new plan")
				stage.TakePicture(t).Is(t, before)
			})
		}
	})
}

// A file that is not as it was written is refused.
func TestSavedPlanTampered(t *testing.T) {
	stage.Bare(t, "nft")
	cut := func(text string) string { return text[:len(text)/2] }
	edit := func(old, new string) func(string) string {
		return func(text string) string { return testfile.ReplaceOnce(t, text, old, new) }
	}
	empty := func(string) string { return "" }
	const rule = `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 `
	for _, c := range []struct{ name, path, says string }{
		{"cut off", savedplan.Rewrite(t, savedplan.Save(t, "builtin:web"), cut), "is not a saved plan"},
		{"empty", savedplan.Rewrite(t, savedplan.Save(t, "builtin:web"), empty), "is not a saved plan"},
		{"no plan at all", testfile.Write(t, "x.plan", `{"format": 1}`), "is not a saved plan"},
		{"a later version", savedplan.Rewrite(t, savedplan.Save(t, "builtin:web"), edit(`"format": 1`, `"format": 2`)), "unsupported saved plan format 2 (expected 1); save a plan with"},
		{"a port changed", savedplan.Rewrite(t, savedplan.Save(t, "builtin:web"), edit(rule, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 23 `)), "is not as it was written"},
		{"a NUL byte", savedplan.Forge(t, "builtin:web", edit(rule, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443\u0000 `)), "rules.v4 holds a NUL byte"},
		{"a file of another name", savedplan.Forge(t, "builtin:web", edit(`"name": "ipsets",`+"\n"+`      "text"`, `"name": "../../passwd",`+"\n"+`      "text"`)), `"../../passwd" is not a file of a bundle`},
		{"a file twice", savedplan.Forge(t, "builtin:web", edit(`"name": "modprobe.conf",`+"\n"+`      "text"`, `"name": "ipsets",`+"\n"+`      "text"`)), `"ipsets" is not a file of a bundle, or is listed twice`},
		{"no such file", "/nowhere.plan", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := stage.TakePicture(t)
			require.Contains(t, run.Expect(t, 1, "apply", "--plan", c.path, "--auto-approve", "--confirm-within", "0", "--no-guard"), c.says)
			stage.TakePicture(t).Is(t, before)
		})
	}
}
