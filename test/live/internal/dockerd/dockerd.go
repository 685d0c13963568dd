// Package dockerd runs the real Docker in a lab.
package dockerd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// Daemon is the real Docker on the server. It has all its files in a folder of
// its own on the lab's /run, and process numbers of its own: nothing that it
// has started outlives it.
type Daemon struct {
	folder string
	daemon *exec.Cmd
	log    run.SyncBuffer
}

// environment lets Docker find its parts.
func (d *Daemon) environment(t *testing.T) []string {
	t.Helper()
	folder, err := filepath.Abs(dockerFolder)
	require.NoError(t, err)
	path := folder + "/usr/sbin:" + folder + "/usr/bin:" + os.Getenv("PATH")
	return append(os.Environ(), "PATH="+path)
}

// Start starts the daemon and waits until it answers. The legacy backend and
// the nft one are the same to it: it calls iptables.
func (d *Daemon) Start(t *testing.T, options ...string) {
	t.Helper()
	d.daemon = exec.Command("sh", append([]string{"-c", `mount -t proc proc /proc && exec dockerd "$@"`, "dockerd",
		"--host", d.socket(), "--pidfile", d.folder + "/pid", "--data-root", d.folder + "/data", "--exec-root", d.folder + "/exec",
		"--storage-driver", "vfs", "--cgroup-parent", "/" + cgroups}, options...)...)
	d.daemon.Env = d.environment(t)
	d.daemon.Stdout, d.daemon.Stderr = &d.log, &d.log
	d.daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	require.NoError(t, lab.StartDaemon(d.daemon))
	lab.Await(t, "an answer of dockerd", func() bool { return d.Command(t, "version").Run() == nil })
}

// Stop ends the daemon and with it its containers.
func (d *Daemon) Stop(t *testing.T) {
	t.Helper()
	if d.daemon == nil {
		return
	}
	require.NoError(t, d.daemon.Process.Signal(syscall.SIGTERM))
	timer := time.AfterFunc(lab.Patience, func() { d.daemon.Process.Kill() })
	defer timer.Stop()
	if err := d.daemon.Wait(); err != nil {
		t.Errorf("dockerd: %v\n%s", err, &d.log)
	}
	d.daemon = nil
}

func (d *Daemon) socket() string { return "unix://" + d.folder + "/socket" }

// Command is one of Docker's own.
func (d *Daemon) Command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(dockerFolder+"/usr/bin/docker", append([]string{"--host", d.socket()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+d.folder)
	return cmd
}

// Do runs one of Docker's commands and returns what it printed.
func (d *Daemon) Do(t *testing.T, line string) string {
	t.Helper()
	out, code := run.Outcome(t, d.Command(t, strings.Fields(line)...))
	if code != 0 {
		t.Fatalf("docker %s exits %d: %s", line, code, out)
	}
	return strings.TrimSpace(out)
}

// Load makes the image "server", which has nothing but the greeter.
func (d *Daemon) Load(t *testing.T) {
	t.Helper()
	tar := d.folder + "/server.tar"
	run.WithInput(t, "", "tar", "cf", tar, "-C", filepath.Dir(forwarding.Greeter(t)), "greeter")
	d.Do(t, "import "+tar+" server")
}

// Run starts a container that comes back when Docker does, with published
// ports "8080:80", "5353:53/udp".
func (d *Daemon) Run(t *testing.T, name string, published ...string) {
	t.Helper()
	line := "run --detach --restart always --stop-signal KILL --name " + name
	for _, p := range published {
		line += " --publish " + p
	}
	d.Do(t, line+" server /greeter")
}

// Address is a container's, of the family "IPAddress" or "GlobalIPv6Address".
func (d *Daemon) Address(t *testing.T, name, family string) string {
	t.Helper()
	return d.Do(t, fmt.Sprintf("inspect --format {{.NetworkSettings.%s}} %s", family, name))
}

// New returns a Docker that has not been started. It is gone with the
// test.
func New(t *testing.T) *Daemon {
	t.Helper()
	if _, err := os.Stat(dockerFolder + "/usr/sbin/dockerd"); err != nil {
		t.Fatalf("no Docker to test with: %v\nrun make bin/docker, which unpacks Debian's", err)
	}
	folder, err := os.MkdirTemp("/run", "docker-")
	require.NoError(t, err)
	d := &Daemon{folder: folder}
	t.Cleanup(func() {
		if d.Stop(t); t.Failed() {
			t.Logf("dockerd said\n%s", &d.log)
		}
		bridges, _ := filepath.Glob("/sys/class/net/br-*")
		for _, path := range append(bridges, "docker0") {
			exec.Command("ip", "link", "delete", filepath.Base(path)).Run() // Docker leaves them
		}
		left, _ := filepath.Glob("/sys/fs/cgroup/*/" + cgroups)
		for _, path := range append(left, "/sys/fs/cgroup/"+cgroups) {
			os.Remove(path)
		}
		require.NoError(t, os.RemoveAll(folder))
	})
	return d
}

// dockerFolder holds Debian's docker.io, containerd and runc, unpacked.
const dockerFolder = "../../../bin/docker"

// cgroups is the parent of the containers' control groups, which are the
// machine's: the lab removes it.
const cgroups = "hardenctl-live"

// WithIPv6 are the options by which containers have IPv6, and ports are
// published by DNAT there too. Without them, as Docker comes, what arrives by
// IPv6 is for docker-proxy, a program on the server.
var WithIPv6 = []string{"--ipv6", "--fixed-cidr-v6", "fd00:d0c::/64", "--experimental", "--ip6tables"}
