package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// alone is a lock in a folder of the test's own.
func alone(t *testing.T) Lock {
	t.Helper()
	syscall.Umask(0o022)
	return Lock{t.TempDir() + "/lock"}
}

// take takes a lock that is free, and returns what it said.
func take(t *testing.T, l Lock) (said string, err error) {
	t.Helper()
	release, err := l.Take(context.Background(), func(text string) { said += text })
	if err == nil {
		release()
	}
	return said, err
}

// plants are what may be where a file of ours belongs.
var plants = map[string]func(path string) error{
	"a symbolic link": func(path string) error { return os.Symlink("/etc/passwd", path) },
	"a folder": func(path string) error {
		return errors.Join(os.Mkdir(path, 0o700), os.WriteFile(path+"/x", nil, 0o600))
	},
	"a special file": func(path string) error { return syscall.Mkfifo(path, 0o600) },
}

// What is in the place of the lock is named, with what to do; a FIFO gives way.
func TestPlanted(t *testing.T) {
	for kind, plant := range plants {
		l := alone(t)
		if err := plant(l.Path); err != nil {
			t.Fatal(err)
		}
		said, err := take(t, l)
		if kind == "a special file" {
			if err != nil || !strings.Contains(said, "was not a regular file") {
				t.Errorf("%s: %q, %v", kind, said, err)
			}
			continue
		}
		if want := l.Path + " is " + kind + ", not a regular file; move it away"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", kind, err, want)
		}
	}
}

// The name by which a lock is made anew is hardenctl's alone: what is there goes,
// but for a folder with something in it.
func TestPlantedBeside(t *testing.T) {
	for kind, plant := range plants {
		l := alone(t)
		if err := errors.Join(os.WriteFile(l.Path, nil, 0o600), os.Chmod(l.Path, 0o666), plant(l.Path+".new")); err != nil {
			t.Fatal(err)
		}
		said, err := take(t, l)
		if kind == "a folder" {
			if want := l.Path + ".new is a folder, not a regular file; move it away"; err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			continue
		}
		if err != nil || strings.Count(said, "had mode 0666") != 1 {
			t.Errorf("%s: %q, %v", kind, said, err)
		}
	}
}

// Who waits in vain learns which process holds the lock, and what to do.
func TestHolder(t *testing.T) {
	l := alone(t)
	busy := func() string {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := l.Take(ctx, func(string) {})
		if !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
		return err.Error()
	}
	release, err := l.Take(context.Background(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := busy(), fmt.Sprintf("another hardenctl is running (process %d: %s", os.Getpid(), os.Args[0]); !strings.HasPrefix(got, want) || !strings.Contains(got, "): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill") {
		t.Errorf("got %s, want %s", got, want)
	}
	release()

	file, err := os.OpenFile(l.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if os.Geteuid() != 0 {
		return // only root sees what every process has open
	}
	child := exec.Command("sh", "-c", "read line; exit", "iptables-restore\nhardenctl: Applied.") // a tool that has the lock open
	child.ExtraFiles = []*os.File{file}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer stdin.Close()
	file.Truncate(0)
	file.WriteAt([]byte("process 4194305\n"), 0) // no process has such a number
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	got := busy()
	want := fmt.Sprintf("process 4194305, which was killed; a tool that it started is still running: process %d: sh -c read line; exit iptables-restore\\x0ahardenctl: Applied.): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill", child.Process.Pid)
	if !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
