package live

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// fence matches a fenced block of the README: its language and its text.
var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// TestREADME does what the README tells a reader to do: it writes each profile
// under the name in its first line, and runs each command in order.
func TestREADME(t *testing.T) {
	lab.Require(t)
	lab.FlushState(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	named(t, "bastion.example.com", "127.0.0.1")
	folder := t.TempDir()
	must(t, syscall.Mount("tmpfs", "/usr/local/sbin", "tmpfs", 0, "mode=0755"))
	t.Cleanup(func() { must(t, syscall.Unmount("/usr/local/sbin", syscall.MNT_DETACH)) })
	place(t, filepath.Join(folder, "lists/bad.txt"), "198.51.100.1\n")
	var profiles, commands []string
	for _, block := range fence.FindAllStringSubmatch(string(readme), -1) {
		switch language, text := block[1], block[2]; language {
		case "toml":
			name := strings.TrimPrefix(strings.SplitN(text, "\n", 2)[0], "# ")
			place(t, filepath.Join(folder, name), text)
			profiles = append(profiles, name)
		case "console":
			for line := range strings.Lines(text) {
				commands = append(commands, strings.TrimLeft(strings.TrimSpace(line), "$# "))
			}
		}
	}
	if len(profiles) < 4 || len(commands) < 10 {
		t.Fatalf("found the profiles %q and the commands %q", profiles, commands)
	}
	for _, command := range commands {
		obey(t, folder, command)
	}
	for _, name := range []string{"shop.toml", "edits.toml", "groups.toml"} {
		obey(t, folder, "hardenctl check "+name)
	}
}

func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// obey runs a command of the README in the reader's folder. What builds the
// program runs in the checkout, and leaves it in that folder; what confirms runs
// in a new login.
func obey(t *testing.T, folder, command string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "sh", "-c", command)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), applying)
	if strings.HasPrefix(command, "hardenctl confirm") {
		cmd.Env = append(cmd.Env, confirming)
	}
	if strings.Contains(command, "go build") {
		cmd.Dir = "../.."
		cmd.Args[2] = strings.Replace(command, "-o hardenctl", "-o "+filepath.Join(folder, "hardenctl"), 1)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}
