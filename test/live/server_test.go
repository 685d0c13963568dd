package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// onBackends runs a test on a bare server, once with each backend.
func onBackends(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			bare(t, backend)
			test(t)
		})
	}
}

// bare makes the server one that hardenctl has never seen.
func bare(t *testing.T, backend string) {
	t.Helper()
	lab.UseBackend(t, backend)
	wipe(t)
	t.Cleanup(func() { wipe(t) })
}

// wipe removes rules, sets and files, and puts back the kernel settings that
// the server had at first.
func wipe(t *testing.T) {
	t.Helper()
	lab.FlushState(t)
	must(t, os.RemoveAll("/var/lib/hardenctl"))
	must(t, os.RemoveAll("/etc/iptables"))
	must(t, os.MkdirAll("/etc/iptables", 0o755))
	for _, path := range bundle.Paths(bundle.Debian) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	settingsAtFirst(t)
}

// settingsAtFirst puts back the kernel settings that the server had at first.
func settingsAtFirst(t *testing.T) {
	t.Helper()
	for path, value := range settings(t) {
		switch first, known := atFirst[path]; {
		case !known:
			atFirst[path] = value
		case value != first:
			must(t, os.WriteFile(path, []byte(first), 0))
		}
	}
}

// atFirst is the value that each setting had when it was first read.
var atFirst = map[string]string{}

// settings returns the kernel settings of the namespace that profiles state, by
// path. Those of the whole machine are left out.
func settings(t *testing.T) map[string]string {
	t.Helper()
	if stated == nil {
		stated = compiled(t, "testdata/everything.toml").Manifest.Settings
	}
	values := map[string]string{}
	for _, s := range setting.Here(stated) {
		if text, err := os.ReadFile(s.Path); err == nil && ofNamespace(s.Path) {
			values[s.Path] = strings.TrimSpace(string(text))
		}
	}
	return values
}

// stated are the settings of a profile that states all that there are.
var stated []bundle.SettingEntry

func ofNamespace(path string) bool {
	return strings.HasPrefix(path, "/proc/sys/net/ipv") || strings.Contains(path, "/nf_conntrack_tcp_") || strings.Contains(path, "/nf_conntrack_udp_")
}

// compiled returns the bundle of a profile, as the command writes it.
func compiled(t *testing.T, profile string) *bundle.Bundle {
	t.Helper()
	folder := t.TempDir()
	hardenctl(t, "compile", profile, "-o", folder)
	b, err := bundle.ReadFolder(os.DirFS(folder))
	must(t, err)
	return b
}

// expect runs the command, ends the test unless it exits with the code, and
// returns all that it printed.
func expect(t *testing.T, code int, args ...string) string {
	t.Helper()
	out, got := outcome(t, exec.Command(binary(t), args...))
	if got != code {
		t.Fatalf("hardenctl %q exits %d, want %d:\n…%s", args, got, code, out[max(0, len(out)-1500):])
	}
	return out
}

// outcome runs a command and returns what it printed and its exit code.
func outcome(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// planned returns the plan of a profile.
func planned(t *testing.T, profile string) *plan.Plan {
	t.Helper()
	var p plan.Plan
	must(t, json.Unmarshal([]byte(expect(t, 0, "plan", profile, "--json")), &p))
	return &p
}

// tool runs one of the host's own tools with arguments separated by blanks.
func tool(t *testing.T, line string) string {
	t.Helper()
	words := strings.Fields(line)
	return fed(t, "", words[0], words[1:]...)
}

// fed runs a program on a text and returns what it printed on standard output:
// iptables-nft-save warns on the other of tables of the legacy backend.
func fed(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, words strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &words
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, &words)
	}
	return out.String()
}

// picture is all that an apply can change, by name.
type picture map[string]string

// look takes a picture of the server.
func look(t *testing.T) picture {
	t.Helper()
	p := picture{
		"IPv4 rules": rules(tool(t, "iptables-save")),
		"IPv6 rules": rules(tool(t, "ip6tables-save")),
		"sets":       sets(tool(t, "ipset save")),
	}
	for path, value := range settings(t) {
		p[path] = value
	}
	for _, folder := range []string{"/etc/sysctl.d", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/iptables"} {
		readFolder(t, folder, p)
	}
	return p
}

// readFolder adds the regular files of a folder, hidden ones too.
func readFolder(t *testing.T, folder string, p picture) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			path := filepath.Join(folder, e.Name())
			text, err := os.ReadFile(path)
			must(t, err)
			p[path] = string(text)
		}
	}
}

// rules is a save without comments, counters and unused tables, in
// an order that does not depend on the backend.
func rules(save string) string {
	var tables []string
	for table := range strings.SplitSeq(withoutCounters(save), "COMMIT\n") {
		if strings.Contains(table, "-A ") || strings.Contains(table, " DROP") || strings.Contains(table, " - ") {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return strings.Join(tables, "")
}

func withoutCounters(save string) string {
	var b strings.Builder
	for line := range strings.Lines(save) {
		if strings.HasPrefix(line, ":") {
			line = line[:strings.Index(line, "[")] + "\n"
		}
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// sets is an `ipset save` in order, without what the kernel chooses itself,
// without the time that entries have left and the sources that are counted, and
// without forceadd, which ipset 7.17 does not print although the kernel tells it.
func sets(save string) string {
	var lines []string
	for line := range strings.Lines(save) {
		words := strings.Fields(line)
		if words[0] == "add" && slices.Contains(words, "packets") {
			continue // a source that has come meanwhile
		}
		for _, option := range []string{"hashsize", "initval", "bucketsize"} {
			words = without(words, option)
		}
		words = slices.DeleteFunc(words, func(w string) bool { return w == "forceadd" })
		if words[0] == "add" {
			words = without(words, "timeout")
		}
		lines = append(lines, strings.Join(words, " ")+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// without takes an option and its value out of a command.
func without(words []string, option string) []string {
	if i := slices.Index(words, option); i >= 0 {
		return slices.Delete(words, i, i+2)
	}
	return words
}

// is fails the test where two pictures differ.
func (p picture) is(t *testing.T, want picture) {
	t.Helper()
	for name, text := range want {
		if p[name] != text {
			t.Errorf("%s: is\n%s\nwant\n%s", name, p[name], text)
		}
	}
	for name := range p {
		if _, there := want[name]; !there {
			t.Errorf("%s is new:\n%s", name, p[name])
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contains fails the test for every part that a text has not.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n…%s", part, text[max(0, len(text)-1500):])
		}
	}
}

// variant writes the profile of the siege with replacements, in pairs.
func variant(t *testing.T, replacements ...string) string {
	t.Helper()
	return write(t, "variant.toml", strings.NewReplacer(replacements...).Replace(fmt.Sprintf(profile, "hidden")))
}
