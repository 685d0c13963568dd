package lockout

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The one who applies in these tests.
const (
	callerV4 = "198.51.100.7"
	callerV6 = "2001:db8:10::7"
)

// callers are his addresses, by that of the server to which he connects.
var callers = map[string]string{lab.ServerV4: callerV4, lab.ServerV6: callerV6}

// An apply over SSH names those who are logged in, by IPv4 and IPv6, and whose
// sessions go on; not who is only trying to log in.
func TestGuardOverSSH(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		caller, unlisted := network.Host("caller", callerV4, callerV6), network.Host("unlisted", "203.0.113.66")
		d := newSSHD(t)
		profile := webserver.OverWeb(t, "")
		stays := map[string]*openShell{}
		for server := range callers {
			stays[server] = d.stays(t, caller, server)
		}
		guesser, err := unlisted.Dial("tcp", lab.ServerV4+":22", lab.Patience) // has no password yet
		require.NoError(t, err)
		defer guesser.Close()
		out, code := d.apply(t, caller, lab.ServerV6, profile)
		if code != 0 {
			t.Fatalf("exit %d:\n%s", code, out)
		}
		require.Contains(t, out, "your SSH connection, at tcp/22: "+callerV6, "logged in by SSH, at tcp/22: "+callerV4)
		if strings.Contains(out, unlisted.V4().String()) {
			t.Errorf("who is only trying to log in counts as logged in:\n%s", out)
		}
		for server, login := range stays {
			login.answers(t)
			d.logsIn(t, caller, server)
		}
	})
}

// A blocklist that holds the address of the one who applies is refused, by IPv4
// and by IPv6, and changes nothing.
func TestFault30_BlocklistHoldsTheCaller(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		caller, d := lab.NewNetwork(t).Host("caller", callerV4, callerV6), newSSHD(t)
		before := stage.TakePicture(t)
		for server := range callers {
			d.refuses(t, caller, server, "[access]\nblock = [\"198.51.100.0/24\", \"2001:db8:10::/48\"]\n", "access.block; over.toml:3")
		}
		stage.TakePicture(t).Is(t, before)
	})
}

// refuses fails the test unless an apply is refused to the caller, since it would
// lock him out.
func (d *sshd) refuses(t *testing.T, caller *lab.Host, server, text, says string) {
	t.Helper()
	out, code := d.apply(t, caller, server, webserver.OverWeb(t, text))
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	require.Contains(t, out, "this would lock out "+callers[server]+" (your SSH connection) at tcp/22: a new connection would be refused", says, "Nothing was changed")
}

// Who is banned on the host at this moment could not log in again, although the
// profile says nothing of him.
func TestGuardKnowsBans(t *testing.T) {
	stage.Bare(t, "nft")
	caller := lab.NewNetwork(t).Host("caller", callerV4, callerV6)
	d := newSSHD(t)
	strict := "[scan]\nscope = \"everything\"\nproven = \"0s\"\n"
	if out, code := d.apply(t, caller, lab.ServerV4, webserver.OverWeb(t, strict)); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	stays := d.stays(t, caller, lab.ServerV4)
	run.Tool(t, "ipset add hardenctl-ban-v4 "+callerV4+" timeout 600")
	more := webserver.OverWeb(t, strict+"[services.more]\nports = [\"tcp/8443\"]\n")
	t.Setenv("SSH_CONNECTION", "")
	out := run.Expect(t, 1, "apply", more, "--auto-approve", "--confirm-within", "0")
	require.Contains(t, out, callerV4+" (logged in by SSH) at tcp/22: a new connection would be refused (scan: banned")
	run.Tool(t, "ipset del hardenctl-ban-v4 "+callerV4)
	run.Expect(t, 0, "apply", more, "--auto-approve", "--confirm-within", "0")
	stays.answers(t)
}

// The first apply on a host without any rule, over SSH, where conntrack does
// not take up connections whose beginning it has not seen: the session that
// applies and one that is silent go on, and new logins work.
func TestFault21_FirstApplyOverSSH(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		caller := lab.NewNetwork(t).Host("caller", callerV4, callerV6)
		d := newSSHD(t)
		for _, profile := range []string{
			webserver.OverWeb(t, ""),
			testfile.Write(t, "ssh.toml", "version = 1\n[services.ssh]\nports = [\"tcp/22\"]\nadmin = true\n"),
		} {
			stage.Wipe(t)
			const loose = "/proc/sys/net/netfilter/nf_conntrack_tcp_loose"
			require.NoError(t, os.WriteFile(loose, []byte("0"), 0))
			d.appliesFirst(t, caller, profile)
			require.NoError(t, os.WriteFile(loose, []byte("1"), 0))
		}
	})
}

// appliesFirst applies a profile over SSH while two sessions are silent.
func (d *sshd) appliesFirst(t *testing.T, caller *lab.Host, profile string) {
	t.Helper()
	silent := map[string]*openShell{lab.ServerV4: d.stays(t, caller, lab.ServerV4), lab.ServerV6: d.stays(t, caller, lab.ServerV6)}
	out, code := d.apply(t, caller, lab.ServerV4, profile)
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	for server, login := range silent {
		login.answers(t)
		d.logsIn(t, caller, server)
	}
}

// What a profile does to one who is connected to its SSH, and to its admins.
func TestGuardFinds(t *testing.T) {
	const admins = "[access]\nadmin = [\"203.0.113.0/24\", \"2001:db8:77::/48\"]\n"
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	for _, c := range []struct {
		name, connection, text string
		// refused is what is said of the caller; empty if it gets in.
		refused string
		// callers is how many are tried.
		callers int
	}{
		{"all is well", callerV4 + " 50000 192.0.2.1 22", "", "", 1},
		{"and over IPv6", callerV6 + " 50000 2001:db8::1 22", "", "", 1},
		{"by an interface's own address", "fe80::7%eth0 50000 fe80::1%eth0 22", "", "", 1},
		{"by a tunnel that ends here", "127.0.0.1 50000 127.0.0.1 22", "", "", 1},
		{"IPv6 closed", callerV6 + " 50000 2001:db8::1 22", "[policy]\nipv6 = false\n", "a new connection would be refused", 1},
		{"refused aloud", callerV4 + " 50000 192.0.2.1 22", "[policy]\ninput = \"reject\"\n[services.ssh]\nports = [\"tcp/2222\"]\n", "no service of the profile is open to it", 1},
		{"another port", callerV4 + " 50000 192.0.2.1 2222", "", "no service of the profile is open to it", 1},
		{"a limit of one", callerV4 + " 50000 192.0.2.1 22", "[services.ssh]\nnew_per_source = \"1/minute burst 1\"\n", "of 3 new connections in a row only 2 would be accepted (services.ssh: new per source; over.toml:3)", 1},
		{"one connection at a time", callerV4 + " 50000 192.0.2.1 22", "[services.ssh]\nconnections_per_source = 1\n", "", 1},
		{"a limit, for an admin", "203.0.113.9 50000 192.0.2.1 22", admins + "[services.ssh]\nnew_per_source = \"1/minute burst 1\"\n", "", 5},
		{"admins alone", "", admins, "", 4},
		{"admins in a blocklist", "", admins + "block = [\"203.0.113.0/25\"]\n", "", 6},
		{"by a knock", callerV4 + " 50000 192.0.2.1 22", "[services.ssh]\nknock = \"door\"\n[knocks.door]\nsequence = [\"tcp/7123\", \"udp/8123\", \"tcp/9123\"]\n", "", 1},
		{"behind SYNPROXY", callerV4 + " 50000 192.0.2.1 22", "[services.ssh]\nsynproxy = true\n", "", 1},
		{"by UDP", "", admins + "[services.vpn]\nports = [\"udp/51820\"]\nadmin = true\n", "", 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SSH_CONNECTION", c.connection)
			found := access(t, webserver.OverWeb(t, c.text))
			if found.Unproven != "" || len(found.Sources) != c.callers {
				t.Fatalf("found %+v, want %d callers", found, c.callers)
			}
			for _, caller := range found.Sources {
				if (caller.Refused == "") != (c.refused == "") || !strings.Contains(caller.Refused, c.refused) {
					t.Errorf("%v at %s is refused %q, want %q", caller, caller.Port, caller.Refused, c.refused)
				}
				if caller.Knock != strings.Contains(c.text, "knock =") {
					t.Errorf("%v: by a knock: %v", caller, caller.Knock)
				}
			}
		})
	}
}

// access returns what the plan of a profile says of those who must get in.
func access(t *testing.T, profile string) *plan.Access {
	t.Helper()
	out, err := exec.Command(run.Binary(t), "plan", profile, "--json").Output()
	require.NoError(t, err)
	var p plan.Plan
	require.NoError(t, json.Unmarshal(out, &p))
	if p.Access == nil {
		t.Fatal("the plan does not say who gets in")
	}
	return p.Access
}

// Without an admin source, an apply says how to declare an admin; --no-guard goes
// on, and so does a profile that declares one.
func TestGuardWithoutLoginOrAdmin(t *testing.T) {
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	t.Setenv("SSH_CONNECTION", "")
	before := stage.TakePicture(t)
	for _, json := range []bool{false, true} {
		args := []string{"apply", "builtin:web", "--auto-approve", "--confirm-within", "0"}
		if json {
			args = append(args, "--json")
		}
		require.Contains(t, run.Expect(t, 1, args...), "no admin access to verify", `[access] admin =`, "--no-guard")
	}
	stage.TakePicture(t).Is(t, before)
	run.Expect(t, 0, "apply", webserver.OverWeb(t, "[access]\nadmin = [\"203.0.113.0/24\"]\n"), "--auto-approve", "--confirm-within", "0")
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	require.Contains(t, run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0"), "No changes") // no question without changes
}

// With --json, an apply that is refused says of each caller what would become
// of him.
func TestGuardJSON(t *testing.T) {
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	t.Setenv("SSH_CONNECTION", callerV4+" 50000 192.0.2.1 22")
	var said struct {
		plan.Plan
		Applied bool
		Error   string
	}
	out := run.Expect(t, 1, "apply", webserver.OverWeb(t, "[access]\nblock = [\"198.51.100.0/24\"]\n"), "--auto-approve", "--confirm-within", "0", "--json")
	out = out[:strings.LastIndex(out, "}")+1] // the error follows, on standard error
	require.NoError(t, json.Unmarshal([]byte(out), &said))
	want := plan.AdminSource{Address: callerV4, Learned: "your SSH connection", Interface: "eth0", Port: "tcp/22", Service: "ssh"}
	if said.Access == nil || len(said.Access.Sources) != 1 {
		t.Fatalf("access %+v", said.Access)
	}
	got := said.Access.Sources[0]
	refused := got.Refused
	got.Refused = ""
	if got != want || !strings.Contains(refused, "access.block") || said.Applied || !strings.Contains(said.Error, "lock out") {
		t.Errorf("%+v, refused %q, applied %v, error %q", got, refused, said.Applied, said.Error)
	}
}

// A blocklist of 120,430 addresses is looked through for every caller: measured
// 0.14 s for the whole plan.
func TestGuardOfALargeBlocklist(t *testing.T) {
	stage.Bare(t, "nft")
	lab.NewNetwork(t)
	t.Setenv("SSH_CONNECTION", callerV4+" 50000 192.0.2.1 22")
	began := time.Now()
	found := access(t, "../../../test/demo/web.toml")
	t.Logf("%v, %d callers", time.Since(began), len(found.Sources))
	if err := found.Refusal(); err != nil {
		t.Error(err)
	}
}
