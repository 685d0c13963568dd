package live

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// A lab is a container's network namespace: what belongs to the machine is
// listed with the reason, and the rest is applied.
func TestContainer(t *testing.T) {
	bare(t, "nft")
	for _, text := range []string{
		expect(t, 0, "plan", "builtin:howto", "--json"),
		expect(t, 0, "apply", "builtin:howto", "--auto-approve", "--confirm-within", "0", "--no-guard", "--json"),
	} {
		var p struct {
			plan.Plan
			Applied bool
		}
		must(t, json.Unmarshal([]byte(text), &p))
		beyond := map[string]plan.Unreachable{}
		for _, u := range p.OutOfReach {
			beyond[u.Key] = u
		}
		for key, path := range machineSettings {
			value, err := os.ReadFile(path)
			must(t, err)
			u, listed := beyond[key]
			if wanted := strings.TrimSpace(string(value)) != machineWanted[key]; listed != wanted {
				t.Errorf("%s listed as out of reach: %v, want %v (it is %s)", key, listed, wanted, value)
			}
			if listed && (!strings.Contains(u.Reason, "container") || u.Origin == nil || u.Wanted != machineWanted[key]) {
				t.Errorf("%+v", u)
			}
		}
		for _, s := range p.Changes {
			if _, machine := machineSettings[s.Object]; machine {
				t.Errorf("the plan changes %s", s.Object)
			}
		}
	}
	expect(t, 0, "plan", "builtin:howto", "--detailed-exitcode")
}

// What the profile asks of the machine, and where it stands.
var (
	machineSettings = map[string]string{
		"nf_conntrack.hashsize":          "/sys/module/nf_conntrack/parameters/hashsize",
		"net.netfilter.nf_conntrack_max": "/proc/sys/net/netfilter/nf_conntrack_max",
	}
	machineWanted = map[string]string{"nf_conntrack.hashsize": "32768", "net.netfilter.nf_conntrack_max": "262144"}
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
	contains(t, expect(t, 1, "apply", "builtin:web", "--no-guard"), "there is no terminal to ask on; say --auto-approve")
	for _, answer := range []string{"no", "yes please"} {
		out, code := onTerminal(t, answer)
		if code != 1 {
			t.Errorf("answer %q: exit %d", answer, code)
		}
		contains(t, out, `Only "yes" does it`, "nothing was changed")
	}
	look(t).is(t, before)
	out, code := onTerminal(t, "yes")
	if code != 0 {
		t.Errorf("answer yes: exit %d", code)
	}
	contains(t, out, "Applied. The host is what the profile says.", "… IPv6 rules", "\x1b[32m+\x1b[0m")
	expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
}

// onTerminal applies builtin:web on a terminal where somebody types an answer.
func onTerminal(t *testing.T, answer string) (string, int) {
	t.Helper()
	cmd := exec.Command("script", "-qec", "exec "+binary(t)+" apply builtin:web --confirm-within 0 --no-guard", "/dev/null")
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=")
	cmd.Stdin = strings.NewReader(answer + "\n")
	return outcome(t, cmd)
}

// On a kernel without IPv6 its tools load nothing: IPv4 is applied, the rest is
// saved, and the plan says so.
func TestNoIPv6(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		const sysctls = "/proc/sys/net/ipv6"
		must(t, syscall.Mount("tmpfs", sysctls, "tmpfs", 0, ""))
		defer func() { must(t, syscall.Unmount(sysctls, syscall.MNT_DETACH)) }()
		for _, name := range []string{"save", "restore"} {
			redirect(t, "ip6tables-"+name, "/bin/false")
		}
		out := expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		contains(t, out, "this kernel runs without IPv6", "IPv4 rules")
		expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		contains(t, tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT")
		if _, err := os.Stat("/etc/iptables/rules.v6"); err != nil {
			t.Error(err)
		}
	})
}
