package live

import (
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hardenctl/host/journal"
	"hardenctl/lab"
)

// Over a real sshd, an apply is a trial of a minute. It is confirmed from a
// second login, and not from the first, whatever that hides of itself: sudo
// takes SSH_CONNECTION out of the environment, and another session of one
// connection is no new login. Neither tcp_loose=0 nor that conntrack knows
// nothing yet is in the way.
func TestConfirmOverSSH(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		d, admin := newSSHD(t), lab.NewNetwork(t).Host("admin", "198.51.100.5", "2001:db8:10::5")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			t.Run(server, func(t *testing.T) {
				wipe(t)
				tool(t, "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0")
				socket := filepath.Join(d.folder, "shared")
				first := func(words ...string) *exec.Cmd {
					return d.command(admin, server, append([]string{"env", "-u", "SSH_CONNECTION", binary(t)}, words...)...)
				}
				shared := func(cmd *exec.Cmd) *exec.Cmd { // one connection for all
					at := slices.Index(cmd.Args, "root@"+server)
					cmd.Args = slices.Insert(cmd.Args, at, "-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", "ControlPath="+socket)
					return cmd
				}
				t.Cleanup(func() {
					exec.Command("ssh", "-O", "exit", "-o", "ControlPath="+socket, "root@"+server).Run()
				})
				stays := d.stays(t, admin, server)
				cmd := shared(first("apply", variant(t), "--auto-approve", "--json"))
				text, err := cmd.Output()
				must(t, err)
				var o struct{ Trial struct{ Token string } }
				must(t, json.Unmarshal(text, &o))
				out, code := outcome(t, shared(first("confirm", o.Trial.Token)))
				if code != 1 || !strings.Contains(out, "log in anew") {
					t.Errorf("from the login that applied: exit %d: %s", code, out)
				}
				stays.answers(t)
				out, code = outcome(t, d.command(admin, server, binary(t), "confirm", o.Trial.Token))
				if code != 0 {
					t.Errorf("from a new login: exit %d: %s", code, out)
				}
				stays.answers(t)
				d.logsIn(t, admin, server)
			})
		}
	})
}

// Forced through, a profile that locks everybody out is over by its deadline,
// with no hardenctl process alive: the session goes on and a new login works.
func TestLockedOutOverSSH(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		d, admin := newSSHD(t), lab.NewNetwork(t).Host("admin", "192.0.2.5/24", "2001:db8::5/64")
		expect(t, 0, "apply", variant(t, `from = ["@office"]`, ""), "--auto-approve", "--no-guard", "--confirm-within", "0")
		servers, sessions := []string{lab.ServerV4, lab.ServerV6}, []*login{}
		for _, server := range servers {
			sessions = append(sessions, d.stays(t, admin, server))
		}
		out, code := d.apply(t, admin, lab.ServerV6, variant(t), "--no-guard", "--confirm-within", "4s")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, out)
		}
		e, err := journal.Read()
		must(t, err)
		killAll(t)
		for i, server := range servers {
			if connects(admin, net.JoinHostPort(server, "22"), false) {
				t.Errorf("%s: not locked out", server)
			}
			sessions[i].answers(t)
		}
		time.Sleep(time.Until(e.Until()) + time.Second)
		for i, server := range servers {
			d.logsIn(t, admin, server)
			sessions[i].answers(t)
		}
		expect(t, 0, "revert")
	})
}
