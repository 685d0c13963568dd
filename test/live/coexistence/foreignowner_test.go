package coexistence

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// A lock that others could open is made anew: one of theirs that holds it, or that
// has left it to a child, does not hold up the owner. One of root's does.
func TestLockOpenedByOthers(t *testing.T) {
	const lock = "/run/hardenctl.lock"
	stage.Bare(t, "nft")
	apply := append([]string{"apply", "builtin:web", "--lock-timeout", "1s"}, run.Unattended...)
	for _, c := range []struct{ name, holder, says string }{
		{"mode 0666", "nobody", lock + " had mode 0666: other users could block an apply with it"},
		{"mode 0644", "nobody", lock + " had mode 0644"},
		{"nobody's", "nobody", lock + " was owned by nobody"},
		{"left to a child", "child", lock + " had mode 0666"},
		{"held by none", "", lock + " had mode 0666"},
		{"held by root", "root", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(lock)
			require.NoError(t, os.WriteFile(lock, nil, 0o600))
			require.NoError(t, os.Chmod(lock, 0o666))
			switch c.name {
			case "mode 0644":
				require.NoError(t, os.Chmod(lock, 0o644))
			case "nobody's":
				require.NoError(t, os.Chmod(lock, 0o600))
				require.NoError(t, os.Chown(lock, 65534, 65534))
			}
			holds(t, lock, c.holder)
			if c.says == "" {
				require.Contains(t, run.Expect(t, 6, apply...), "another hardenctl is running")
				return
			}
			require.Contains(t, run.Expect(t, 0, apply...), c.says)
			if stat, err := os.Lstat(lock); err != nil || stat.Mode() != 0o600 {
				t.Errorf("%v, %v", stat.Mode(), err)
			}
			if out := run.Expect(t, 0, apply...); strings.Contains(out, lock) {
				t.Errorf("it says so again: %s", out)
			}
		})
	}
}

// holds has a user hold a lock until the test ends: "nobody", "root", or "child",
// one of nobody's whose parent took the lock and has ended.
func holds(t *testing.T, lock, user string) {
	t.Helper()
	var args []string
	switch user {
	case "":
		return
	case "nobody", "child":
		args = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
	}
	script := "flock -n 9 && echo held && exec sleep 1000"
	if user == "child" {
		script = "sleep 1000 & flock -n 9 && echo held"
	}
	args = append(args, "sh", "-c", "exec 9<"+lock+"; "+script)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, lab.StartDaemon(cmd))
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	text := make([]byte, 5)
	if n, _ := out.Read(text); string(text[:n]) != "held\n" {
		t.Fatalf("the lock is not held: %q", text[:n])
	}
}

// Saved files that others own or may write are not kept and filled, nor loaded at
// boot: their lines would become root's.
func TestSavedFilesOwnedByOthers(t *testing.T) {
	stage.Bare(t, "nft")
	const rules, sysctl = "/etc/iptables/rules.v4", "/etc/sysctl.d/60-hardenctl.conf"
	run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...)
	before := stage.TakePicture(t)
	for _, c := range []struct {
		path, says string
		plot       func(path string) error
	}{
		{rules, " is writable by other users (mode 0666); check its content", func(path string) error { return os.Chmod(path, 0o666) }},
		{rules, " is owned by nobody, who may have changed it; check its content", func(path string) error { return os.Chown(path, 65534, 65534) }},
		{rules, " is larger than 256 MiB, too large for a firewall file", func(path string) error { return os.Truncate(path, 3<<30) }},
		{"/etc/iptables/ipsets", " is writable by other users (mode 0660)", func(path string) error { return os.Chmod(path, 0o660) }},
		{sysctl, " is writable by other users (mode 0646)", func(path string) error { return os.Chmod(path, 0o646) }},
		{"/etc/sysctl.d", " is owned by nobody; hardenctl writes only to folders that only root can change", func(path string) error { return os.Chown(path, 65534, 0) }},
	} {
		run.Tool(t, "cp -a "+c.path+" "+c.path+".right")
		require.NoError(t, c.plot(c.path))
		require.Contains(t, run.Expect(t, 1, append([]string{"apply", "builtin:database"}, run.Unattended...)...), c.path+c.says)
		if c.path == rules {
			require.Contains(t, run.Expect(t, 1, "restore"), c.path+c.says, "IPv4: CLOSED")
			run.Tool(t, "iptables-restore "+rules+".right")
		}
		run.Tool(t, "rm -r "+c.path)
		run.Tool(t, "mv "+c.path+".right "+c.path)
		stage.TakePicture(t).Is(t, before)
	}
}
