package faults

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Fault 22: the reader of the output hangs up before the first line, on standard
// output or on both. The host is then what the profile says, or what it was, and
// the exit code tells which.
func TestFault22StdoutClosed(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		before := stage.TakePicture(t)
		for _, args := range [][]string{{"plan", "builtin:web"}, {"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"}} {
			if code := hungUp(t, false, args...); code == 0 {
				t.Errorf("%q exits 0, and no program has read it", args)
			}
			stage.TakePicture(t).Is(t, before)
		}
		if code := hungUp(t, true, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--json"); code != 5 {
			t.Errorf("an apply whose outcome no program reads exits %d, want 5", code)
		}
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		if code := hungUp(t, true, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard", "--json"); code != 5 {
			t.Errorf("a rollback whose outcome no program reads exits %d, want 5", code)
		}
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
	})
}

// hungUp runs the command with a pipe without a reader, and returns its exit
// code, -1 if a signal ended it.
func hungUp(t *testing.T, words bool, args ...string) int {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	defer writer.Close()
	cmd := exec.Command(run.Binary(t), args...)
	cmd.Stdout = writer
	if words {
		cmd.Stderr = writer
	}
	cmd.Run()
	return cmd.ProcessState.ExitCode()
}

// Fault 23: a profile of 10 MB, lists of 200,000 ranges, right or wrong, and
// profiles that include one another cost no more memory than they must.
func TestFault23LargeInput(t *testing.T) {
	var ranges, nonsense strings.Builder
	for i := range 200_000 {
		a, b := strconv.Itoa(i/256%256), strconv.Itoa(i%256)
		ranges.WriteString("10." + a + "." + b + ".1-10." + a + "." + b + ".9\n")
		nonsense.WriteString("10." + a + "." + b + ".01\n")
	}
	const block = "version = 1\nsets.bad.files = [\"list.txt\"]\naccess.block = [\"@bad\"]\n"
	for _, c := range []struct {
		name, profile, list string
		code                int
		says                string
	}{
		{"10 MB", strings.Repeat("# ten megabytes\n", 10<<20/16), "", 1, "is larger than 1 MiB"},
		{"1 MB of keys", "version = 1\n" + strings.Repeat("a.b.c.d.e = 1\n", 70000), "", 1, "a.toml:2:1"},
		{"200,000 ranges", block, ranges.String(), 0, "rules, "},
		{"200,000 errors", block, nonsense.String(), 1, "list.txt:1:1: error: "},
		{"a cycle", "version = 1\ninclude = [\"a.toml\"]\n", "", 1, "includes itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := testfile.Write(t, "a.toml", c.profile)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "list.txt"), []byte(c.list), 0o644))
			cmd := exec.Command(run.Binary(t), "compile", path, "-o", t.TempDir())
			out, code := run.Outcome(t, cmd)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			require.Contains(t, out, c.says)
			if most := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10; most > 400 {
				t.Errorf("it took %d MiB", most)
			}
			if len(out) > 1<<20 {
				t.Errorf("it said %d bytes", len(out))
			}
		})
	}
}

// plant is a symbolic link in the place of something that hardenctl writes.
type plant struct {
	place  string
	folder bool // whether the link leads to a folder
	says   string
}

// Fault 25: symbolic links in /run, /etc and /var/lib are not followed: the apply
// is refused and changes nothing, and what a link leads to stays as it was.
func TestFault25Symlinks(t *testing.T) {
	stage.Bare(t, "nft")
	for _, p := range []plant{
		{"/run/hardenctl.lock", false, "/run/hardenctl.lock is a symbolic link"},
		{"/var/lib/hardenctl", true, "/var/lib/hardenctl is a symbolic link"},
		{stage.Generations.Folder, true, stage.Generations.Folder + " is a symbolic link"},
		{"/etc/iptables", true, "/etc/iptables is a symbolic link"},
		{"/etc/iptables/rules.v4", false, "/etc/iptables/rules.v4 is a symbolic link"},
		{"/etc/modprobe.d/hardenctl.conf", false, "/etc/modprobe.d/hardenctl.conf is a symbolic link"},
		{"/etc/sysctl.d/60-hardenctl.conf", false, "/etc/sysctl.d/60-hardenctl.conf is a symbolic link"},
		// These are names that hardenctl makes new: a link there just goes.
		{stage.Generations.Folder + "/.next", true, ""},
		{"/etc/iptables/.rules.v4.hardenctl-new", false, ""},
		{"/etc/iptables/.rules.v4.hardenctl-old", false, ""},
	} {
		t.Run(strings.ReplaceAll(p.place[1:], "/", " "), func(t *testing.T) {
			stage.Wipe(t)
			victim := p.grow(t)
			before := stage.TakePicture(t)
			if p.says == "" {
				run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
			} else {
				require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), p.says)
				stage.TakePicture(t).Is(t, before)
			}
			if now := run.Tool(t, "find "+victim+" -ls"); now != run.Tool(t, "cat "+victim+".before") {
				t.Errorf("what the link leads to was changed:\n%s", now)
			}
		})
	}
}

// grow puts the link in its place until the end of the test and returns what it
// leads to, whose listing lies beside it.
func (p plant) grow(t *testing.T) string {
	t.Helper()
	victim := filepath.Join(t.TempDir(), "victim")
	inside := victim
	if p.folder {
		require.NoError(t, os.Mkdir(victim, 0o755))
		inside = victim + "/file"
	}
	require.NoError(t, os.WriteFile(inside, []byte("precious\n"), 0o644))
	require.NoError(t, os.WriteFile(victim+".before", []byte(run.Tool(t, "find "+victim+" -ls")), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Dir(p.place), 0o755))
	require.NoError(t, os.RemoveAll(p.place))
	require.NoError(t, os.Symlink(victim, p.place))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(p.place)) }) // the link, or what took its place
	return victim
}

// Folders that others may write to are as bad as links: they could be replaced
// by one at any time.
func TestFault25OpenFolders(t *testing.T) {
	stage.Bare(t, "nft")
	require.NoError(t, os.Mkdir("/var/lib/hardenctl", 0o700))
	for place, plot := range map[string]func(place string) error{
		"/etc/iptables":      func(place string) error { return os.Chmod(place, 0o777) },
		"/var/lib/hardenctl": func(place string) error { return os.Chown(place, 1000, -1) },
	} {
		before := stage.TakePicture(t)
		require.NoError(t, plot(place))
		require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), place+" ")
		stage.TakePicture(t).Is(t, before)
		require.NoError(t, os.Chown(place, 0, -1))
		require.NoError(t, os.Chmod(place, 0o755))
	}
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
}

// orders is a profile with an include and a list, in a folder of their own.
func orders(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Dir(testfile.Write(t, "a.toml", "version = 1\ninclude = [\"site/b.toml\"]\n[sets.bad]\nfiles = [\"lists/bad.txt\"]\n[access]\nblock = [\"@bad\"]\n"))
	for name, text := range map[string]string{"site/b.toml": "include = [\"builtin:web\"]\n", "lists/bad.txt": "203.0.113.0/24\n"} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return folder
}

// Fault 26: a profile, its folder, what it includes, its lists and a saved plan
// that others may write are not orders for root. To check such a profile is
// allowed, and warns.
func TestFault26OthersMayWrite(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	for _, c := range []struct {
		name string
		plot func(folder string) error
		says string // after the name of the folder
	}{
		{"the profile", chmod("a.toml", 0o666), "a.toml is writable by other users (mode 0666)"},
		{"the profile, for a group", chmod("a.toml", 0o664), "a.toml is writable by other users (mode 0664)"},
		{"another's profile", chown("a.toml", 1000), "a.toml is owned by"},
		{"another's link to the profile", linked("a.toml", 1000), "a.toml is owned by"},
		{"its folder", chmod(".", 0o777), " is writable by other users (mode 0777)"},
		{"an include", chmod("site/b.toml", 0o622), "site/b.toml is writable by other users"},
		{"the folder of an include", chmod("site", 0o775), "site is writable by other users"},
		{"a list", chmod("lists/bad.txt", 0o606), "lists/bad.txt is writable by other users"},
		{"another's list", chown("lists/bad.txt", 1000), "lists/bad.txt is owned by"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := orders(t)
			require.NoError(t, c.plot(folder))
			for _, args := range [][]string{{"plan", folder + "/a.toml"}, {"apply", folder + "/a.toml", "--auto-approve", "--confirm-within", "0", "--no-guard"}} {
				require.Contains(t, run.Expect(t, 1, args...), "error: users other than root can change this file: "+folder, c.says, "to /etc/hardenctl")
				require.Contains(t, run.Expect(t, 1, append(args, "--json")...), `"others-may-write"`)
			}
			stage.TakePicture(t).Is(t, before)
			require.Contains(t, run.Expect(t, 0, "check", folder+"/a.toml"), "warning: users other than root can change this file", c.says)
		})
	}
	run.Expect(t, 0, "plan", orders(t)+"/a.toml")
}

func chmod(name string, mode os.FileMode) func(string) error {
	return func(folder string) error { return os.Chmod(filepath.Join(folder, name), mode) }
}

func chown(name string, uid int) func(string) error {
	return func(folder string) error { return os.Chown(filepath.Join(folder, name), uid, -1) }
}

// linked puts a user's link in the place of a file, which it leads to.
func linked(name string, uid int) func(string) error {
	return func(folder string) error {
		path := filepath.Join(folder, name)
		return errors.Join(os.Rename(path, path+".real"), os.Symlink(name+".real", path), os.Lchown(path, uid, -1))
	}
}

// A saved plan is root's orders too.
func TestFault26SavedPlan(t *testing.T) {
	stage.Bare(t, "nft")
	path := filepath.Join(t.TempDir(), "web.plan")
	run.Expect(t, 0, "plan", "builtin:web", "-o", path)
	before := stage.TakePicture(t)
	require.NoError(t, os.Chmod(path, 0o602))
	require.Contains(t, run.Expect(t, 1, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), path+" is writable by other users (mode 0602)")
	stage.TakePicture(t).Is(t, before)
	require.NoError(t, os.Chmod(path, 0o600))
	run.Expect(t, 0, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
}

// Who logged in and became root may have the profile in a folder of her own:
// the kernel knows who that is. What a variable says does not count.
func TestFault26OwnProfile(t *testing.T) {
	stage.Bare(t, "nft")
	folder := orders(t)
	run.Tool(t, "chown -R 1000 "+folder)
	t.Setenv("SUDO_UID", "1000")
	require.Contains(t, run.Expect(t, 1, "plan", folder+"/a.toml"), "is owned by")
	loggedIn := func(uid string) (string, int) {
		return run.Outcome(t, exec.Command("sh", "-c", `echo "$0" >/proc/self/loginuid && exec "$@"`, uid, run.Binary(t), "plan", folder+"/a.toml"))
	}
	if out, code := loggedIn("1000"); code != 0 {
		t.Errorf("her own profile: exit %d: %s", code, out)
	}
	if out, code := loggedIn("1001"); code != 1 {
		t.Errorf("another's profile: exit %d: %s", code, out)
	}
}

// Fault 27: what the caller's environment says has no effect on what root runs.
func TestFault27Environment(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		clean := stage.TakePicture(t)
		stage.Bare(t, filepath.Base(t.Name()))

		trap := t.TempDir()
		for _, name := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore", "ipset", "modprobe", "sysctl"} {
			require.NoError(t, os.WriteFile(filepath.Join(trap, name), []byte("#!/bin/sh\ntouch "+trap+"/was-here\nexit 1\n"), 0o755))
		}
		cmd := exec.Command(run.Binary(t), "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		cmd.Env = append(os.Environ(),
			"PATH="+trap, "HOME="+trap, "TMPDIR="+trap, "ENV="+trap+"/iptables", "BASH_ENV="+trap+"/iptables", "IFS=/",
			"LD_PRELOAD="+trap+"/missing.so", "LD_LIBRARY_PATH="+trap,
			"LD_DEBUG=files", "LD_DEBUG_OUTPUT="+trap+"/linked", // each process that sees LD_… leaves a file (ld.so(8))
			"XTABLES_LIBDIR="+trap, "IPTABLES_LIB_DIR="+trap, "XTABLES_LOCKFILE="+trap+"/lock",
			"LC_ALL=xx_XX.UTF-8", "LOCPATH="+trap)
		before := run.Tool(t, "ls -A "+trap)
		out, code := run.Outcome(t, cmd)
		if code != 0 || strings.Contains(out, "ld.so") {
			t.Errorf("exit %d: %s", code, out)
		}
		stage.TakePicture(t).Is(t, clean)
		if now := run.Tool(t, "ls -A "+trap); now != before {
			t.Errorf("it was trapped: %s", now)
		}
	})
}

// What is made has the same mode whatever the caller's umask is: what others
// must read can be read, and what is root's alone is.
func TestUmask(t *testing.T) {
	stage.Bare(t, "nft")
	for _, umask := range []string{"000", "077"} {
		stage.Wipe(t)
		require.NoError(t, os.Remove("/etc/iptables"))
		out, code := run.Outcome(t, exec.Command("sh", "-c", "umask "+umask+` && exec "$@"`, "sh", run.Binary(t), "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"))
		if code != 0 {
			t.Fatalf("exit %d: %s", code, out)
		}
		for path, want := range map[string]os.FileMode{
			"/etc/iptables": 0o755, "/etc/iptables/rules.v4": 0o640, "/etc/sysctl.d/60-hardenctl.conf": 0o644,
			"/var/lib/hardenctl": 0o700, stage.Generations.Folder: 0o700, stage.Generations.Folder + "/1/generation.json": 0o600,
			"/run/hardenctl.lock": 0o600,
		} {
			stat, err := os.Stat(path)
			require.NoError(t, err)
			if stat.Mode().Perm() != want {
				t.Errorf("umask %s: %s has mode %v, want %v", umask, path, stat.Mode(), want)
			}
		}
	}
}

// An iptables that does not even say its version does not block for long.
func TestVersionHangs(t *testing.T) {
	stage.Bare(t, "nft")
	const link = "/etc/alternatives/iptables"
	real, err := os.Readlink(link)
	require.NoError(t, err)
	hangs := filepath.Join(t.TempDir(), "iptables")
	require.NoError(t, os.WriteFile(hangs, []byte("#!/bin/sh\nsleep 600\n"), 0o755))
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(hangs, link))
	t.Cleanup(func() {
		require.NoError(t, os.Remove(link))
		require.NoError(t, os.Symlink(real, link))
	})
	require.Contains(t, run.Expect(t, 1, "plan", "builtin:web"), "iptables --version", "did not finish within 5s")
}
