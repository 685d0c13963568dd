package live

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host"
)

// savePlan saves the plan of a profile and returns the path.
func savePlan(t *testing.T, profile string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "saved.plan")
	expect(t, 0, "plan", profile, "-o", path)
	return path
}

// rewrite changes the text of a saved plan.
func rewrite(t *testing.T, path string, change func(string) string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(change(string(text))), 0o600))
	return path
}

func replaceOnce(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in the text", old)
	}
	return strings.Replace(text, old, new, 1)
}

// forge changes a saved plan and makes its checksum right again.
func forge(t *testing.T, profile string, change func(string) string) string {
	t.Helper()
	return rewrite(t, savePlan(t, profile), func(text string) string {
		var s host.SavedPlan
		must(t, json.Unmarshal([]byte(change(text)), &s))
		s.Checksum = ""
		sum := sha256.Sum256(indented(t, s))
		s.Checksum = hex.EncodeToString(sum[:])
		return string(indented(t, s))
	})
}

func indented(t *testing.T, s host.SavedPlan) []byte {
	t.Helper()
	text, err := json.MarshalIndent(s, "", "  ")
	must(t, err)
	return append(text, '\n')
}

func TestSavedPlan(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		path := savePlan(t, "builtin:web")
		if mode := tool(t, "stat -c %a "+path); mode != "600\n" {
			t.Errorf("the file has mode %s", mode)
		}
		expect(t, 0, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		contains(t, expect(t, 1, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), "the host has changed since the plan was made")
		expect(t, 1, "apply", "builtin:web", "--plan", path)
	})
}

// A saved plan is for the host as it was: any change since refuses it.
func TestFault16HostHasMoved(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		for name, command := range map[string]string{
			"a foreign rule":  "iptables -A FORWARD -s 192.0.2.99 -j DROP",
			"a foreign chain": "ip6tables -N MORE",
			"a foreign set":   "ipset create more hash:ip",
			"a setting":       "sysctl -qw net.ipv4.ip_default_ttl=99",
			"a file":          "touch /etc/iptables/ipsets",
		} {
			t.Run(name, func(t *testing.T) {
				wipe(t)
				path := savePlan(t, "builtin:web")
				tool(t, command)
				before := look(t)
				contains(t, expect(t, 1, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), "the host has changed since the plan was made; make a new plan")
				look(t).is(t, before)
			})
		}
	})
}

// A file that is not as it was written is refused.
func TestSavedPlanTampered(t *testing.T) {
	bare(t, "nft")
	cut := func(text string) string { return text[:len(text)/2] }
	edit := func(old, new string) func(string) string {
		return func(text string) string { return replaceOnce(t, text, old, new) }
	}
	empty := func(string) string { return "" }
	const rule = `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 `
	for _, c := range []struct{ name, path, says string }{
		{"cut off", rewrite(t, savePlan(t, "builtin:web"), cut), "is not a saved plan"},
		{"empty", rewrite(t, savePlan(t, "builtin:web"), empty), "is not a saved plan"},
		{"no plan at all", write(t, "x.plan", `{"format": 1}`), "is not a saved plan"},
		{"a later version", rewrite(t, savePlan(t, "builtin:web"), edit(`"format": 1`, `"format": 2`)), "unsupported saved plan format 2 (expected 1); save a plan with"},
		{"a port changed", rewrite(t, savePlan(t, "builtin:web"), edit(rule, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 23 `)), "is not as it was written"},
		{"a NUL byte", forge(t, "builtin:web", edit(rule, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443\u0000 `)), "rules.v4 holds a NUL byte"},
		{"a file of another name", forge(t, "builtin:web", edit(`"name": "ipsets",`+"\n"+`      "text"`, `"name": "../../passwd",`+"\n"+`      "text"`)), `"../../passwd" is not a file of a bundle`},
		{"a file twice", forge(t, "builtin:web", edit(`"name": "modprobe.conf",`+"\n"+`      "text"`, `"name": "ipsets",`+"\n"+`      "text"`)), `"ipsets" is not a file of a bundle, or is listed twice`},
		{"no such file", "/nowhere.plan", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := look(t)
			contains(t, expect(t, 1, "apply", "--plan", c.path, "--auto-approve", "--confirm-within", "0", "--no-guard"), c.says)
			look(t).is(t, before)
		})
	}
}
