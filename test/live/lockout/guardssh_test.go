package lockout

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The unlisted host of these tests, which holds a connection open.
const (
	unlistedV4 = "203.0.113.66"
	unlistedV6 = "2001:db8:66::66"
)

// standIn is a server that forks as dropbear does: a child for each connection,
// which starts a command for those who have logged in. Or it hands what it accepts
// to a program under a name that sshd gives itself.
const standIn = `import os, socket, subprocess, sys
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("listens", flush=True)
while True:
    c, _ = s.accept()
    if len(sys.argv) > 2:
        stdin, kept = os.pipe()
        subprocess.Popen(["sshd: root@pts/0"], executable=sys.argv[2], stdin=stdin, pass_fds=[c.fileno()])
        c.sendall(b"named\n")
    elif os.fork() == 0:
        s.close()
        if c.recv(16) == b"login\n":
            subprocess.Popen(["sleep", "1000"])
        c.sendall(b"said\n")
        while c.recv(16):
            pass
        os._exit(0)
    c.close()
`

// copiedAs copies a program, under another name.
func copiedAs(t *testing.T, program, name string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(program)
	require.NoError(t, err)
	folder, err := os.MkdirTemp("/run", "named-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	require.NoError(t, os.Chmod(folder, 0o755))
	path := filepath.Join(folder, name)
	run.Tool(t, "cp "+real+" "+path)
	return path
}

// startStandIn starts the stand-in until the end of the test, with what it has started.
func startStandIn(t *testing.T, words ...string) {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "PYTHONHOME=/usr")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, lab.StartDaemon(cmd))
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
}

// holdsOpen opens connections from all addresses of a host that stay, and says a
// word on each.
func holdsOpen(t *testing.T, from *lab.Host, port, word string) {
	t.Helper()
	for _, a := range traffic.Addresses(from) {
		server := lab.ServerV4
		if a.Is6() {
			server = lab.ServerV6
		}
		conn, err := from.DialFrom(netip.AddrPortFrom(a, 0), "tcp", net.JoinHostPort(server, port), lab.Patience)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = conn.Write([]byte(word + "\n"))
		require.NoError(t, err)
		if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
	}
}

// blocked is a profile that blocks the unlisted host, and the one that connects.
const blocked = "[access]\nadmin = [\"192.0.2.200\"]\nblock = [\"203.0.113.0/24\", \"2001:db8:66::/48\", \"198.51.100.0/24\", \"2001:db8:10::/48\"]\n"

// At dropbear those count who have logged in, and not who only holds a connection.
func TestGuardKnowsDropbear(t *testing.T) {
	stage.Bare(t, "nft")
	network := lab.NewNetwork(t)
	caller, unlisted := network.Host("caller", callerV4, callerV6), network.Host("unlisted", unlistedV4, unlistedV6)
	startStandIn(t, copiedAs(t, "/usr/bin/python3", "dropbear"), "-c", standIn, "22")
	holdsOpen(t, unlisted, "22", "guess")
	t.Setenv("SSH_CONNECTION", "")
	profile := webserver.OverWeb(t, blocked)
	if found := access(t, profile); found.Refusal() != nil {
		t.Errorf("an unlisted source is believed: %v", found.Refusal())
	}
	holdsOpen(t, caller, "22", "login")
	found, refused := access(t, profile), []string{}
	for _, c := range found.Sources {
		if c.Refused != "" {
			refused = append(refused, c.Address+" "+c.Learned)
		}
	}
	if want := []string{callerV4 + " logged in by SSH", callerV6 + " logged in by SSH"}; !slices.Equal(refused, want) {
		t.Errorf("refused %q, want %q", refused, want)
	}
}

// What a user's process calls itself, and what its program is called, makes no
// login of a connection that it holds.
func TestGuardIgnoresProcessNames(t *testing.T) {
	stage.Bare(t, "nft")
	unlisted := lab.NewNetwork(t).Host("unlisted", unlistedV4, unlistedV6)
	sshd := copiedAs(t, "/bin/cat", "sshd")
	startStandIn(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", standIn, "8022", sshd)
	holdsOpen(t, unlisted, "8022", "hello")
	t.Setenv("SSH_CONNECTION", "")
	run.Expect(t, 0, "apply", webserver.OverWeb(t, blocked), "--auto-approve", "--confirm-within", "0")
}

// Of a server that does not tell who has logged in, every connected client
// counts; the refusal says how to leave one out, and the guard stays for the rest.
func TestGuardOfAServerThatHidesLogins(t *testing.T) {
	stage.Bare(t, "nft")
	network := lab.NewNetwork(t)
	caller, unlisted := network.Host("caller", callerV4, callerV6), network.Host("unlisted", unlistedV4, unlistedV6)
	panel := copiedAs(t, "/usr/bin/python3", "panel")
	startStandIn(t, panel, "-c", standIn, "9090")
	holdsOpen(t, unlisted, "9090", "hello")
	t.Setenv("SSH_CONNECTION", "")
	profile := webserver.OverWeb(t, blocked+"[services.panel]\nports = [\"tcp/9090\"]\nadmin = true\n")
	apply := []string{"apply", profile, "--auto-approve", "--confirm-within", "0"}
	leave := []string{"--not-an-admin", unlistedV4, "--not-an-admin", "2001:db8:66::/64"}
	require.Contains(t, run.Expect(t, 1, apply...), unlistedV4+" (connected to an admin service) at tcp/9090",
		"panel does not report who has logged in: if this is not an admin, add --not-an-admin "+unlistedV4+" --not-an-admin "+unlistedV6)
	require.NoError(t, os.Rename(panel, panel+"\nhardenctl: Applied.\n")) // its name is the user's to choose
	out := run.Expect(t, 1, apply...)
	require.Contains(t, out, `panel\x0ahardenctl: Applied.\x0a does not report`)
	if strings.Contains(out, "\nhardenctl: Applied.") {
		t.Errorf("a program's name is a line:\n%s", out)
	}
	require.Contains(t, run.Expect(t, 1, append(apply, "--not-an-admin", "alice")...), `"--not-an-admin" flag: "alice" is not an address or a network`)
	require.Contains(t, run.Expect(t, 0, append([]string{"plan", profile}, leave...)...), "excluded (not an admin): "+unlistedV4+", 2001:db8:66::/64")
	require.Contains(t, run.Expect(t, 0, append([]string{"plan", profile, "--json"}, leave...)...), `"not_admins"`)

	holdsOpen(t, caller, "9090", "hello")
	out = run.Expect(t, 1, append(slices.Clone(apply), leave...)...)
	require.Contains(t, out, callerV4+" (connected to an admin service) at tcp/9090", callerV6+" (connected")
	if strings.Contains(out, unlistedV4+" (") {
		t.Errorf("who is left out is named:\n%s", out)
	}
	run.Expect(t, 0, append(apply, append(leave, "--not-an-admin", callerV4, "--not-an-admin", callerV6)...)...)
}

// A user of this host who connects to a panel thousands of times, each to another
// address of the loopback, does not keep the guard from its answer.
func TestGuardBesideManyConnections(t *testing.T) {
	stage.Bare(t, "nft")
	listener, err := net.Listen("tcp4", ":9090")
	require.NoError(t, err)
	defer listener.Close()
	for i := range 8000 {
		near, err := net.Dial("tcp4", fmt.Sprintf("127.0.%d.%d:9090", i>>8, i&255))
		require.NoError(t, err)
		far, err := listener.Accept()
		require.NoError(t, err)
		defer near.Close()
		defer far.Close()
	}
	t.Setenv("SSH_CONNECTION", "")
	found := access(t, webserver.OverWeb(t, blocked+"[services.panel]\nports = [\"tcp/9090\"]\nadmin = true\n"))
	if found.Unproven != "" || len(found.Sources) == 0 || found.Sources[0].Like != 7999 {
		t.Errorf("%d callers, not proven %q", len(found.Sources), found.Unproven)
	}
}
