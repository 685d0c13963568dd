package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// A disk without room ends the apply before a rule is loaded: the tool for that
// would fail in other words.
func TestFault04DiskFull(t *testing.T) {
	strike(t, fault{name: "full", says: "preparing files: write /etc/iptables/", arrange: func(t *testing.T) {
		full(t)
		inject.BreakTool("exit 1")(t)
		inject.BreakNamed(t, "iptables-restore", "exit 1")
	}})
}

// So does a read-only disk.
func TestFault05ReadOnly(t *testing.T) {
	strike(t, fault{name: "read-only", arrange: inject.ReadOnly, says: "read-only file system"})
}

// A disk that fails once, at any of the calls that bring a file to it, takes
// everything back. One that goes on failing cannot be undone from; each file
// is whole all the same, and the exit code says that someone must look.
func TestFault06DiskFails(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for _, before := range []string{"", "builtin:bastion"} {
			arrange := func() { promise.Populate(t, before) }
			p := promise.New(t, "builtin:database", arrange)
			points := points(p)
			for i := range suite.NewSlice(t, len(points), 4).Numbers() {
				at := points[i]
				t.Run(fmt.Sprintf("%s %s/from %q", at.name, at.of, before), func(t *testing.T) {
					stage.Wipe(t)
					arrange()
					out, code := run.Outcome(t, inject.Strace(t, at.failing(), "apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard"))
					failed(p, t, code, out)
					p.Settles(t)
				})
			}
		}
	})
}

// failed checks what an apply left that met a failing disk, by what it said.
func failed(p *promise.Promises, t *testing.T, code int, out string) {
	t.Helper()
	require.Contains(t, out, "input/output error")
	switch code {
	case 0: // it could not clear up, and has said so
		require.Contains(t, out, "could not be cleaned up completely")
		p.IsWhole(t)
	case 1, 3:
		stage.TakePicture(t).Is(t, p.Old)
		p.OthersHaveTheirs(t)
	case 4:
		require.Contains(t, out, "undoing failed too")
		p.IsWhole(t)
	default:
		t.Errorf("exit %d:\n…%s", code, out[max(0, len(out)-500):])
	}
}

// A loss of power between any two calls finds on the disk what was synced: no
// file takes its name before its text is there, and none is released before
// the folder knows.
func TestFault18PowerLoss(t *testing.T) {
	stage.Bare(t, "nft")
	stage.AddForeign(t)
	log := filepath.Join(t.TempDir(), "calls")
	cmd := exec.Command("strace", "-f", "-y", "--quiet=all", "-o", log, "-e", "trace=fsync,renameat,unlinkat", run.Binary(t), "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
	if out, code := run.Outcome(t, cmd); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	synced, changed, renamed := map[string]bool{}, map[string]bool{}, 0
	for _, call := range calls(string(text)) {
		switch path := call.path; {
		case strings.HasPrefix(path, stage.Journal.Folder+"/bundle/"): // nothing until the journal says so
		case call.name == "fsync":
			synced[path], changed[path] = true, false
		case call.name == "renameat":
			renamed++
			if !synced[path] {
				t.Errorf("%s is renamed, and its text was not synced", path)
			}
			changed[filepath.Dir(path)] = true
		case strings.HasSuffix(path, ".hardenctl-old") && changed[filepath.Dir(path)]:
			t.Errorf("%s is removed, and the folder was not synced after the last rename", path)
		}
	}
	if renamed < 5 {
		t.Errorf("strace saw %d renames, want those of all files:\n%s", renamed, text)
	}
}

// call is a system call that succeeded, and the path that it was about.
type call struct{ name, path string }

var callLine = regexp.MustCompile(`(?m)^\d+ +(fsync|renameat|unlinkat)\((?:\d+<|AT_FDCWD(?:<[^>]*>)?, ")([^">]+)[">].* = 0$`)

func calls(log string) []call {
	var all []call
	for _, m := range callLine.FindAllStringSubmatch(log, -1) {
		all = append(all, call{m[1], m[2]})
	}
	return all
}

// full puts the rules files on a disk that is full, or, where the files are to
// grow, has room for the first of them.
func full(t *testing.T) {
	const path = "/etc/iptables"
	held := map[string][]byte{}
	for _, e := range testfile.Glob(t, path+"/*") {
		text, err := os.ReadFile(e)
		require.NoError(t, err)
		held[e] = text
	}
	pages := 1 // of four kilobytes
	if strings.Contains(string(held[path+"/rules.v4"]), "HARDENCTL-") {
		pages = 0
	}
	for _, text := range held {
		pages += (len(text) + 4095) / 4096
	}
	require.NoError(t, syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%dk,mode=0755", 4*pages)))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	for name, text := range held {
		require.NoError(t, os.WriteFile(name, text, 0o644))
	}
}
