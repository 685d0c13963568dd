package process

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// This process is told of as it is.
func TestSelf(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	pid := os.Getpid()
	p, err := Read("/proc", pid)
	if err != nil || p.PID != pid || p.Parent != os.Getppid() {
		t.Errorf("%+v, %v", p, err)
	}
	if uid, ok := User("/proc", pid); !ok || int(uid) != os.Getuid() {
		t.Errorf("user %d, %v", uid, ok)
	}
	if self, _ := os.Executable(); Program("/proc", pid) != self {
		t.Errorf("program %s", Program("/proc", pid))
	}
	if all, err := All("/proc"); err != nil || !slices.Contains(all, pid) {
		t.Errorf("%v, %v", all, err)
	}
	if len(Sockets("/proc", pid)) == 0 {
		t.Error("no socket")
	}
	if _, ok := User("/proc", 1<<30); ok || Program("/proc", 1<<30) != "" {
		t.Error("a process that does not exist")
	}
}

// What is setuid is the user's who started it.
func TestUserOfSetuid(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes a program of root's")
	}
	folder, err := os.MkdirTemp("/var/tmp", "process") // not below a folder that bob cannot enter
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	sleep := filepath.Join(folder, "sleep")
	if out, err := exec.Command("sh", "-c", "chmod 755 "+folder+" && cp /bin/sleep "+sleep+" && chmod 4755 "+sleep).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(sleep, "100")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	if uid, ok := User("/proc", cmd.Process.Pid); !ok || uid != 12345 {
		t.Errorf("user %d, %v", uid, ok)
	}
}
