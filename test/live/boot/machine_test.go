package boot

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// debian is where `make bin/tree` builds a Debian that boots.
const debian = "../../../bin/tree"

// machine is a Debian that really boots, with systemd and a cable to the lab,
// on a disk that is gone with the test. It has the command as it is installed,
// and ports 22, 80 and 9999, open to what the firewall lets through,
// from before its network is up.
type machine struct {
	disk   string // its root folder
	nspawn *exec.Cmd
	ended  chan struct{} // closed when nspawn has ended
	log    run.SyncBuffer
	init   string // the process number of its systemd, while it is up
}

// The ends of the cable: the machine has the server's addresses, and in the lab
// live its administrator and an unlisted host.
const (
	machineName = "debian"
	cable       = "ve-" + machineName
)

var residents = []string{"192.0.2.10/24", "192.0.2.66/24", "2001:db8::10/64", "2001:db8::66/64"}

// The units that a machine has for the tests. What a network manager does is
// done by network.service, which first notes what is in force.
const (
	networkUnit = `[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=network-pre.target local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec 'mkdir -p /seen; ip -br link >/seen/links; iptables-save >/seen/v4; ip6tables-save >/seen/v6; ipset save >/seen/sets'
ExecStart=/bin/sh -ec 'ip address add 192.0.2.1/24 dev host0; ip address add 2001:db8::1/64 dev host0 nodad; ip link set host0 up; touch /seen/up'
`
	socketUnit = `[Unit]
DefaultDependencies=no
Before=network-pre.target
[Socket]
ListenStream=%d
Accept=yes
`
	doorUnit = `[Service]
ExecStart=/bin/echo welcome
StandardInput=socket
`
	startUnits = "[Unit]\nWants=network.service door-22.socket door-80.socket door-9999.socket\n"
)

// newMachine returns a machine that is off. Its program is built once: it links
// to no library of this machine's.
func newMachine(t *testing.T) *machine {
	t.Helper()
	lab.Require(t)
	if _, err := os.Stat(debian + "/usr/lib/systemd/systemd"); err != nil {
		t.Fatalf("no Debian to boot: %v\nrun make bin/tree, which builds one", err)
	}
	if _, err := exec.LookPath("systemd-nspawn"); err != nil {
		t.Fatalf("%v: apt-get install --no-install-recommends systemd-container", err)
	}
	folder, err := os.MkdirTemp("/run", "machine-")
	require.NoError(t, err)
	m := &machine{disk: folder + "/disk"}
	for _, f := range []string{"disk", "upper", "work"} {
		require.NoError(t, os.Mkdir(filepath.Join(folder, f), 0o755))
	}
	lower, err := filepath.Abs(debian)
	require.NoError(t, err)
	require.NoError(t, syscall.Mount("overlay", m.disk, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%[2]s/work", lower, folder)))
	t.Cleanup(func() {
		if m.off(); t.Failed() {
			t.Logf("the machine said\n%s", &m.log)
		}
		removeGroups()
		require.NoError(t, syscall.Unmount(m.disk, syscall.MNT_DETACH))
		require.NoError(t, os.RemoveAll(folder))
	})
	m.install(t)
	return m
}

// removeGroups removes the control groups that nspawn leaves, which are the
// machine's that the tests run on. Groups that are in use stay.
func removeGroups() {
	for _, name := range []string{"payload", "supervisor"} {
		roots, _ := filepath.Glob("/sys/fs/cgroup/*/" + name)
		for _, root := range append(roots, "/sys/fs/cgroup/"+name) {
			var folders []string
			filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
				if err == nil && e.IsDir() {
					folders = append(folders, path)
				}
				return nil
			})
			for _, f := range slices.Backward(folders) {
				os.Remove(f)
			}
		}
	}
}

// install installs the command and the units of the tests.
func (m *machine) install(t *testing.T) {
	t.Helper()
	build := exec.Command("go", "build", "-o", m.disk+"/usr/local/sbin/hardenctl", "github.com/hardenctl/hardenctl/cmd/hardenctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	const units = "/etc/systemd/system/"
	m.write(t, units+"network.service", networkUnit)
	for _, port := range []int{22, 80, 9999} {
		m.write(t, fmt.Sprintf("%sdoor-%d.socket", units, port), fmt.Sprintf(socketUnit, port))
		m.write(t, fmt.Sprintf("%sdoor-%d@.service", units, port), doorUnit)
	}
	m.write(t, units+"sysinit.target.d/test.conf", startUnits)
	for _, idle := range []string{"systemd-logind.service", "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service"} {
		require.NoError(t, os.Symlink("/dev/null", m.disk+units+idle))
	}
}

// write puts a file on the disk.
func (m *machine) write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(m.disk+path), 0o755))
	require.NoError(t, os.WriteFile(m.disk+path, []byte(text), 0o644))
}

// read returns the text of a file on the disk.
func (m *machine) read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(m.disk + path)
	require.NoError(t, err)
	return string(text)
}

// useLegacy makes iptables that of the legacy backend, from the next boot on.
func (m *machine) useLegacy(t *testing.T) {
	t.Helper()
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, part := range []string{"", "-save", "-restore"} {
			link := m.disk + "/etc/alternatives/" + family + part
			require.NoError(t, os.Remove(link))
			require.NoError(t, os.Symlink("/usr/sbin/"+family+"-legacy"+part, link))
		}
	}
}

// boot starts the machine and waits until its network is up and everything has
// been started.
func (m *machine) boot(t *testing.T) {
	t.Helper()
	require.NoError(t, os.RemoveAll(m.disk+"/seen"))
	m.log = run.SyncBuffer{}
	m.nspawn = exec.Command("sh", "-c", `mount -t proc proc /proc && exec systemd-nspawn "$@"`, "nspawn",
		"--quiet", "--register=no", "--keep-unit", "--network-veth", "--machine", machineName,
		"--boot", "--kill-signal=SIGRTMIN+3", "--console=pipe", "-D", m.disk)
	m.nspawn.Stdout, m.nspawn.Stderr = &m.log, &m.log
	// Process numbers of its own: nothing that it has started outlives it.
	m.nspawn.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	require.NoError(t, lab.StartDaemon(m.nspawn))
	m.ended = make(chan struct{})
	go func() {
		m.nspawn.Wait()
		close(m.ended)
	}()
	m.plugIn(t)
	m.await(t, "a network", func() bool { _, err := os.Stat(m.disk + "/seen/up"); return err == nil })
	m.init = m.firstChild()
	m.await(t, "an end of the boot", func() bool {
		out, _ := m.command("systemctl", "is-system-running").Output()
		state := strings.TrimSpace(string(out))
		return state == "running" || state == "degraded"
	})
	// Whatever is in force, the administrator gets in. The kernel takes up to a
	// second to let IPv6 know that a link is there (net/core/link_watch.c).
	m.await(t, "door for its administrator", func() bool {
		open := m.reach("192.0.2.10", "2001:db8::10")
		return strings.Contains(open, "22/4") && strings.Contains(open, "22/6")
	})
}

// plugIn gives the lab's end of the cable its addresses, as soon as there is one.
func (m *machine) plugIn(t *testing.T) {
	t.Helper()
	m.await(t, "a cable", func() bool { _, err := net.InterfaceByName(cable); return err == nil })
	for _, address := range residents {
		args := []string{"address", "add", address, "dev", cable}
		if strings.Contains(address, ":") {
			args = append(args, "nodad")
		}
		run.WithInput(t, "", "ip", args...)
	}
	run.Tool(t, "ip link set "+cable+" up")
}

// await waits for something on the machine, which must not end before.
func (m *machine) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	lab.Await(t, what+" on the machine", func() bool {
		select {
		case <-m.ended:
			t.Fatalf("the machine has ended; there was no %s", what)
		default:
		}
		return holds()
	})
}

// firstChild is the process number of the machine's systemd: the child of
// nspawn.
func (m *machine) firstChild() string {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", m.nspawn.Process.Pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		if children := strings.Fields(string(text)); len(children) > 0 {
			return children[0]
		}
	}
	return ""
}

// command is a program of the machine's own, while it is up.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", m.init, "-m", "-u", "-i", "-n", "-p", "-r", "-w", name}, args...)...)
}

// do runs a program of the machine's own that must exit with the code, and
// returns what it printed.
func (m *machine) do(t *testing.T, code int, line string) string {
	t.Helper()
	words := strings.Fields(line)
	out, got := run.Outcome(t, m.command(words[0], words[1:]...))
	if got != code {
		t.Fatalf("%s exits %d, want %d:\n%s", line, got, code, out)
	}
	return out
}

// shutDown has systemd end everything and waits for the end.
func (m *machine) shutDown(t *testing.T) {
	t.Helper()
	m.do(t, 0, "systemctl reboot --no-block")
	lab.Await(t, "the end of the machine", func() bool {
		select {
		case <-m.ended:
			return true
		default:
			return false
		}
	})
	m.off()
}

// off pulls the plug, and takes the cable away, which the kernel would do some
// time later.
func (m *machine) off() {
	if m.nspawn == nil {
		return
	}
	m.nspawn.Process.Kill() // an error says that it has ended
	<-m.ended
	m.nspawn = nil
	exec.Command("ip", "link", "delete", cable).Run() // it may have gone by itself
}

// reach returns which doors of the machine open to a source, such as
// "22/4 80/6".
func (m *machine) reach(v4, v6 string) string {
	type door struct{ source, server, port, name string }
	var doors []door
	for _, port := range []string{"22", "80", "9999"} {
		doors = append(doors, door{v4, lab.ServerV4, port, port + "/4"}, door{v6, lab.ServerV6, port, port + "/6"})
	}
	answers := make([]string, len(doors))
	var all sync.WaitGroup
	for i, d := range doors {
		all.Add(1)
		go func() {
			defer all.Done()
			local := netip.AddrPortFrom(netip.MustParseAddr(d.source), 0)
			if conn, err := lab.DialOnce(local, net.JoinHostPort(d.server, d.port)); err == nil {
				conn.Close()
				answers[i] = d.name + " "
			}
		}()
	}
	all.Wait()
	return strings.TrimSpace(strings.Join(answers, ""))
}

// lets checks which ports are open to the administrator and to an unlisted host.
func (m *machine) lets(t *testing.T, admin, unlisted string) {
	t.Helper()
	theirs := make(chan string)
	go func() { theirs <- m.reach("192.0.2.66", "2001:db8::66") }()
	if got := m.reach("192.0.2.10", "2001:db8::10"); got != admin {
		t.Errorf("the administrator gets in by %q, want %q", got, admin)
	}
	if got := <-theirs; got != unlisted {
		t.Errorf("an unlisted source gets in by %q, want %q", got, unlisted)
	}
}
