package live

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
)

// dockerFolder holds Debian's docker.io, containerd and runc, unpacked.
const dockerFolder = "../../bin/docker"

// cgroups is the parent of the containers' control groups, which are the
// machine's: the lab removes it.
const cgroups = "hardenctl-live"

// docker is the real Docker on the server. It has all its files in a folder of
// its own on the lab's /run, and process numbers of its own: nothing that it
// has started outlives it.
type docker struct {
	folder string
	daemon *exec.Cmd
	log    syncBuffer
}

// newDocker returns a Docker that has not been started. It is gone with the
// test.
func newDocker(t *testing.T) *docker {
	t.Helper()
	if _, err := os.Stat(dockerFolder + "/usr/sbin/dockerd"); err != nil {
		t.Fatalf("no Docker to test with: %v\nrun make bin/docker, which unpacks Debian's", err)
	}
	folder, err := os.MkdirTemp("/run", "docker-")
	must(t, err)
	d := &docker{folder: folder}
	t.Cleanup(func() {
		if d.stop(t); t.Failed() {
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
		must(t, os.RemoveAll(folder))
	})
	return d
}

// environment lets Docker find its parts.
func (d *docker) environment(t *testing.T) []string {
	t.Helper()
	folder, err := filepath.Abs(dockerFolder)
	must(t, err)
	path := folder + "/usr/sbin:" + folder + "/usr/bin:" + os.Getenv("PATH")
	return append(os.Environ(), "PATH="+path)
}

// withIPv6 are the options by which containers have IPv6, and ports are
// published by DNAT there too. Without them, as Docker comes, what arrives by
// IPv6 is for docker-proxy, a program on the server.
var withIPv6 = []string{"--ipv6", "--fixed-cidr-v6", "fd00:d0c::/64", "--experimental", "--ip6tables"}

// start starts the daemon and waits until it answers. The legacy backend and
// the nft one are the same to it: it calls iptables.
func (d *docker) start(t *testing.T, options ...string) {
	t.Helper()
	d.daemon = exec.Command("sh", append([]string{"-c", `mount -t proc proc /proc && exec dockerd "$@"`, "dockerd",
		"--host", d.socket(), "--pidfile", d.folder + "/pid", "--data-root", d.folder + "/data", "--exec-root", d.folder + "/exec",
		"--storage-driver", "vfs", "--cgroup-parent", "/" + cgroups}, options...)...)
	d.daemon.Env = d.environment(t)
	d.daemon.Stdout, d.daemon.Stderr = &d.log, &d.log
	d.daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	must(t, lab.StartDaemon(d.daemon))
	lab.Await(t, "an answer of dockerd", func() bool { return d.command(t, "version").Run() == nil })
}

// stop ends the daemon and with it its containers.
func (d *docker) stop(t *testing.T) {
	t.Helper()
	if d.daemon == nil {
		return
	}
	must(t, d.daemon.Process.Signal(syscall.SIGTERM))
	timer := time.AfterFunc(lab.Patience, func() { d.daemon.Process.Kill() })
	defer timer.Stop()
	if err := d.daemon.Wait(); err != nil {
		t.Errorf("dockerd: %v\n%s", err, &d.log)
	}
	d.daemon = nil
}

func (d *docker) socket() string { return "unix://" + d.folder + "/socket" }

// command is one of Docker's own.
func (d *docker) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(dockerFolder+"/usr/bin/docker", append([]string{"--host", d.socket()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+d.folder)
	return cmd
}

// do runs one of Docker's commands and returns what it printed.
func (d *docker) do(t *testing.T, line string) string {
	t.Helper()
	out, code := outcome(t, d.command(t, strings.Fields(line)...))
	if code != 0 {
		t.Fatalf("docker %s exits %d: %s", line, code, out)
	}
	return strings.TrimSpace(out)
}

// load makes the image "server", which has nothing but the greeter.
func (d *docker) load(t *testing.T) {
	t.Helper()
	tar := d.folder + "/server.tar"
	fed(t, "", "tar", "cf", tar, "-C", filepath.Dir(greeter(t)), "greeter")
	d.do(t, "import "+tar+" server")
}

// run starts a container that comes back when Docker does, with published
// ports "8080:80", "5353:53/udp".
func (d *docker) run(t *testing.T, name string, published ...string) {
	t.Helper()
	line := "run --detach --restart always --stop-signal KILL --name " + name
	for _, p := range published {
		line += " --publish " + p
	}
	d.do(t, line+" server /greeter")
}

// address is a container's, of the family "IPAddress" or "GlobalIPv6Address".
func (d *docker) address(t *testing.T, name, family string) string {
	t.Helper()
	return d.do(t, fmt.Sprintf("inspect --format {{.NetworkSettings.%s}} %s", family, name))
}
