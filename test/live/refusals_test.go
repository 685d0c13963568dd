package live

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A profile with an error changes nothing.
func TestBadProfile(t *testing.T) {
	bare(t, "nft")
	before := look(t)
	for _, c := range []struct{ name, path, says string }{
		{"a port that is none", variant(t, "tcp/80", "tcp/70000"), "70000"},
		{"an unknown key", variant(t, "retries", "x", "[scan]\n", "[scan]\nprobs = 3\n"), "probs"},
		{"no TOML", write(t, "bad.toml", "version = \n"), "bad.toml:1"},
		{"no such file", "/nowhere.toml", "nowhere.toml"},
		{"no such built-in", "builtin:nothing", "nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range []string{"plan", "apply"} {
				args := []string{command, c.path}
				if command == "apply" {
					args = append(args, "--auto-approve", "--confirm-within", "0", "--no-guard")
				}
				contains(t, expect(t, 1, args...), c.says)
			}
			look(t).is(t, before)
		})
	}
}

// Without root there is nothing to read or change, and the message says so.
func TestNotRoot(t *testing.T) {
	bare(t, "nft")
	for _, args := range [][]string{{"plan", "builtin:web"}, {"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"}, {"rollback", "1"}} {
		contains(t, asNobody(t, 1, args...), "the firewall can only be read and changed as root")
	}
}

// asNobody runs the command as a user without any rights, who must get the exit
// code, and returns what it printed.
func asNobody(t *testing.T, code int, args ...string) string {
	t.Helper()
	folder, err := os.MkdirTemp("/run", "public-")
	must(t, err)
	must(t, os.Chmod(folder, 0o755))
	program := filepath.Join(folder, "hardenctl")
	tool(t, "cp "+binary(t)+" "+program)
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, got := outcome(t, cmd)
	if got != code {
		t.Errorf("%q exits %d, want %d", args, got, code)
	}
	return out
}

// On a terminal, apply asks, and only "yes" is an answer.
func TestApproval(t *testing.T) {
	bare(t, "nft")
	before := look(t)
	contains(t, expect(t, 1, "apply", "builtin:web", "--no-guard"), "no terminal to ask on; add --auto-approve")
	for _, answer := range []string{"no", "yes please"} {
		out, code := onTerminal(t, answer)
		if code != 1 {
			t.Errorf("answer %q: exit %d", answer, code)
		}
		contains(t, out, `Type "yes" to apply`, "nothing was changed")
	}
	look(t).is(t, before)
	out, code := onTerminal(t, "yes")
	if code != 0 {
		t.Errorf("answer yes: exit %d", code)
	}
	contains(t, out, "Applied. The host is as the profile says.", "… IPv6 rules", "\x1b[32m+\x1b[0m")
	expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
}

// onTerminal applies builtin:web on a terminal where a user types an answer.
func onTerminal(t *testing.T, answer string) (string, int) {
	t.Helper()
	cmd := exec.Command("script", "-qec", "exec "+binary(t)+" apply builtin:web --confirm-within 0 --no-guard", "/dev/null")
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=")
	cmd.Stdin = strings.NewReader(answer + "\n")
	return outcome(t, cmd)
}
