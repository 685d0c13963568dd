package coexistence

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/test/live/internal/kernellog"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// rsyslogs is where `make test` unpacks Debian's rsyslog.
const rsyslogs = "../../../bin/rsyslog"

// rsyslogRule is the rule that docs/recipes.md gives for a file that fail2ban reads.
func rsyslogRule(t *testing.T) string {
	t.Helper()
	for _, b := range pages.Blocks(pages.Read(t, "docs/recipes.md")) {
		if strings.Contains(b.Text, "imklog") {
			return b.Text
		}
	}
	t.Fatal("docs/recipes.md has no rule for rsyslog")
	return ""
}

// startRsyslog runs the real rsyslog with a rule, on a kernel's log and a socket of its
// own, in a folder.
func startRsyslog(t *testing.T, folder, rule string) (kernel *os.File) {
	t.Helper()
	root, err := filepath.Abs(rsyslogs)
	require.NoError(t, err)
	found, _ := filepath.Glob(root + "/usr/lib/*/rsyslog") // the pattern is good
	if len(found) == 0 {
		t.Fatal("no rsyslog to test with: run make bin/rsyslog, which unpacks Debian's")
	}
	require.NoError(t, syscall.Mkfifo(folder+"/kmsg", 0o600))
	kernel, err = os.OpenFile(folder+"/kmsg", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { kernel.Close() })
	testfile.Place(t, folder+"/rsyslog.conf", `module(load="imklog" LogPath="`+folder+`/kmsg")
module(load="imuxsock" SysSock.Name="`+folder+`/log")
`+rule+`
*.* action(type="omfile" file="`+folder+`/syslog")
`)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, root+"/usr/sbin/rsyslogd", "-n", "-M", found[0], "-f", folder+"/rsyslog.conf", "-i", folder+"/pid")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Dir(found[0]))
	var said run.SyncBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, lab.StartDaemon(cmd))
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("rsyslog says:\n%s", &said)
		}
	})
	lab.Await(t, "rsyslog's socket", func() bool { _, err := os.Stat(folder + "/log"); return err == nil })
	return kernel
}

// By the rule of docs/recipes.md the real rsyslog writes what it reads from the kernel
// itself into a file, and nothing that a user says in the kernel's name. The jail's
// filter finds the sources there.
func TestRsyslogRule(t *testing.T) {
	lab.Require(t)
	folder, err := os.MkdirTemp("/run", "rsyslog-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	const path = "/var/log/hardenctl.log"
	own, all := folder+"/hardenctl.log", folder+"/syslog"
	kernel := startRsyslog(t, folder, testfile.ReplaceOnce(t, rsyslogRule(t), path, own))

	lines := linesFrom(t, kernellog.ScannerV4)[:2]
	for _, said := range []string{forgedLine(lines[0], "198.51.100.8"), lines[0], strings.Replace(lines[0], "IPTables-Dropped", "kernel: IPTables-Dropped", 1)} {
		run.Tool(t, "logger -u "+folder+"/log -p kern.warning -t kernel "+strings.Join(strings.Fields(said), " "))
	}
	for _, line := range lines {
		_, err := kernel.WriteString("<4>" + line + "\n")
		require.NoError(t, err)
	}
	count := func(path string) int {
		text, _ := os.ReadFile(path)
		return strings.Count(string(text), "IPTables-Dropped: scan ")
	}
	lab.Await(t, "all lines in rsyslog's own file", func() bool { return count(all) == 5 })
	lab.Await(t, "the kernel's lines", func() bool { return count(own) >= len(lines) })
	filter := testfile.Write(t, "hardenctl.conf", string(run.Compiled(t, "builtin:howto").File(bundle.Fail2banFilter)))
	if got, want := matched(t, own, filter), []string{kernellog.ScannerV4, kernellog.ScannerV4}; count(own) != len(lines) || !slices.Equal(got, want) {
		t.Errorf("%d lines, of %q, want those of %q", count(own), got, want)
	}
}

// forgedLine is a line of the kernel's in another's name.
func forgedLine(line, address string) string {
	return strings.Replace(line, srcOf(kernellog.ScannerV4), srcOf(address), 1)
}
