package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// TestPages does what README.md and the pages in docs tell a reader to do, page by page,
// each on a server that hardenctl has never seen. It writes each profile under the name
// in its first line, runs each command, and checks every profile. The reader's folder
// goes from page to page.
func TestPages(t *testing.T) {
	stage.NameAddresses(t, "bastion.example.com", "127.0.0.1")
	folder := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", "/usr/local/sbin", "tmpfs", 0, "mode=0755"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount("/usr/local/sbin", syscall.MNT_DETACH)) })
	testfile.Place(t, filepath.Join(folder, "lists/bad.txt"), "198.51.100.1\n")
	profiles, commands := 0, 0
	for _, page := range pages.Names(t) {
		blocks := pages.Blocks(pages.Read(t, page))
		t.Run(page, func(t *testing.T) {
			p, c := follow(t, folder, blocks)
			profiles, commands = profiles+p, commands+c
		})
	}
	if profiles < 7 || commands < 40 {
		t.Errorf("the pages have %d profiles and %d commands", profiles, commands)
	}
}

// follow does what the blocks of a page say, in order, and says how many profiles and
// commands they hold. A profile may include one that follows it, so that each is checked
// at the end.
func follow(t *testing.T, folder string, blocks []pages.Block) (profiles, commands int) {
	t.Helper()
	stage.Bare(t, "nft")
	var written []string
	for _, b := range blocks {
		switch b.Language {
		case "toml":
			name := strings.TrimPrefix(strings.SplitN(b.Text, "\n", 2)[0], "# ")
			testfile.Place(t, filepath.Join(folder, name), b.Text)
			if strings.Contains(b.Text, "\nversion = ") {
				written = append(written, name)
			}
		case "console":
			for line := range strings.Lines(b.Text) {
				obey(t, folder, strings.TrimLeft(strings.TrimSpace(line), "$# "))
				commands++
			}
		}
	}
	for _, name := range written {
		obey(t, folder, "hardenctl check "+name)
	}
	return len(written), commands
}

// obey runs a command of a page in the reader's folder. What makes the program runs in
// the checkout, and installs it below that folder: of this machine only the program's
// own place is the test's to fill. What confirms runs in a new login.
func obey(t *testing.T, folder, command string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "sh", "-c", command)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), run.Applying)
	if strings.HasPrefix(command, "hardenctl confirm") {
		cmd.Env = append(cmd.Env, run.Confirming)
	}
	if strings.HasPrefix(command, "make") {
		cmd.Dir = "../../.."
		cmd.Args[2] = command + " BIN=" + folder + " DESTDIR=" + filepath.Join(folder, "root")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
	if command == "make install" {
		obey(t, folder, "install root/usr/local/sbin/hardenctl /usr/local/sbin/hardenctl")
	}
}
