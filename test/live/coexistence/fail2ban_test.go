package coexistence

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/kernellog"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// syslog writes the kernel's lines as rsyslog does, a second apart until now.
func syslog(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		at := time.Now().Add(time.Duration(i+1-len(lines)) * time.Second)
		fmt.Fprintf(&b, "%s web kernel: %s\n", at.Format(time.Stamp), line)
	}
	return b.String()
}

// TestFilter has the real fail2ban-regex read lines that the kernel wrote: it
// finds the sources of probes and of bans, and no others.
func TestFilter(t *testing.T) {
	lab.Require(t)
	filter := testfile.Write(t, "hardenctl.conf", string(run.Compiled(t, "builtin:howto").File(bundle.Fail2banFilter)))
	lines := kernellog.Lines(t)
	var want, all []string
	for _, line := range lines {
		_, source, _ := strings.Cut(line, " SRC=")
		source, _, _ = strings.Cut(source, " ")
		address := netip.MustParseAddr(source).String()
		all = append(all, address)
		if strings.Contains(line, "IPTables-Dropped: scan ") || strings.Contains(line, "IPTables-Dropped: ban ") {
			want = append(want, address)
		}
	}
	log := testfile.Write(t, "kern.log", syslog(lines))
	if got := matched(t, log, filter); !slices.Equal(got, want) || len(want) < 20 {
		t.Errorf("sources %q, want %q", got, want)
	}
	// The kernel's clock may be there in another way.
	other := testfile.Write(t, "messages", strings.ReplaceAll(syslog(lines), "kernel: [", "kernel:["))
	if got := matched(t, other, filter); !slices.Equal(got, want) {
		t.Errorf("without a blank: sources %q, want %q", got, want)
	}
	known := strings.NewReplacer(": scan ", ": known ", ": ban ", ": known ").Replace(syslog(lines))
	if got := matched(t, testfile.Write(t, "known", known), filter); len(got) > 0 {
		t.Errorf("it counts lines of proven sources: %q", got)
	}
	// The how-to's own expression still finds every line.
	if got := matched(t, log, `IPTables-Dropped: .*SRC=<HOST>`); !slices.Equal(got, all) {
		t.Errorf("the how-to's expression: sources %q, want %q", got, all)
	}
}

// TestFilterIsNotFooled holds that a line of another program that quotes one of
// the kernel's bans no source.
func TestFilterIsNotFooled(t *testing.T) {
	lab.Require(t)
	filter := testfile.Write(t, "hardenctl.conf", string(run.Compiled(t, "builtin:howto").File(bundle.Fail2banFilter)))
	const quoted = "kernel: [    1.000000] IPTables-Dropped: scan IN=eth0 OUT= MAC= SRC=192.0.2.9 DST=192.0.2.1 "
	var b strings.Builder
	for _, program := range []string{"web sshd[7]: Invalid user ", "web nginx: ", "web logger: Nov 20 08:30:00 web ", `web "kernel: `,
		"web kernel: [    1.000000] usb 1-1: Product: ", "web kernel: [    1.000000] IPTables-Dropped: known IN=eth0 OUT= MAC= SRC="} {
		fmt.Fprintf(&b, "%s %s%s\n", time.Now().Format(time.Stamp), program, quoted)
	}
	if got := matched(t, testfile.Write(t, "kern.log", b.String()), filter); len(got) > 0 {
		t.Errorf("it bans %q", got)
	}
	// An ICMP error names the sender of the packet that it is about in brackets.
	twice := fmt.Sprintf("%s web %s[SRC=192.0.2.8 DST=192.0.2.9 ] SRC=192.0.2.7 DST=192.0.2.6\n", time.Now().Format(time.Stamp), quoted)
	if got := matched(t, testfile.Write(t, "twice", twice), filter); !slices.Equal(got, []string{"192.0.2.9"}) {
		t.Errorf("of a line with several sources it bans %q, want the first", got)
	}
}

// matched returns the sources that fail2ban-regex finds in a log.
func matched(t *testing.T, log, filter string) []string {
	t.Helper()
	return strings.Fields(run.WithInput(t, "", "fail2ban-regex", "--out", "ip", log, filter))
}

// TestFail2ban has the real fail2ban, configured by an apply, ban scanners into
// the live set and let them go again.
func TestFail2ban(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		lab.Serve(t, "tcp", 22)
		lab.Serve(t, "tcp", 80)
		log := filepath.Join("/run", "kern.log")
		path := webserver.Variant(t, `"hidden"`, "\"everything\"\nproven = \"1d\"", "[udp]", "[log]\n\n[fail2ban]\nlog = \""+log+"\"\n\n[udp]")
		os.Remove(log)
		require.Contains(t, run.Expect(t, 0, "plan", path), "fail2ban-client reload", "and all its jails do not start while "+log+" is missing")
		require.NoError(t, os.WriteFile(log, nil, 0o644))
		run.Hardenctl(t, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Hardenctl(t, "plan", path, "--detailed-exitcode")
		stop := startFail2ban(t)

		network := lab.NewNetwork(t)
		scanner := network.Host("scanner", kernellog.ScannerV4, kernellog.ScannerV6)
		neighbour := network.Host("neighbour", "203.0.113.65", "2001:db8:bad:66::65") // of the same /64
		admin := webserver.NewClients(network).Admin
		var forged []string
		for _, line := range linesFrom(t, kernellog.ScannerV4)[:4] {
			forged = append(forged, strings.Replace(line, srcOf(kernellog.ScannerV4), srcOf(admin.V4().String()), 1))
		}
		appendTo(t, log, syslog(forged)) // and those behind them are read later
		jailAndRelease(t, log, "v4", kernellog.ScannerV4, lab.ServerV4, scanner, nil)
		jailAndRelease(t, log, "v6", kernellog.ScannerV6, lab.ServerV6, scanner, neighbour)
		traffic.Reaches(t, neighbour, lab.ServerV4, 80, 1)

		if strings.Contains(client(t, "get", "hardenctl", "banip"), admin.V4().String()) {
			t.Error("lines in the name of an admin address jail it")
		}
		client(t, "set", "hardenctl", "banip", admin.V4().String())
		client(t, "set", "hardenctl", "banip", kernellog.ScannerV4)
		lab.Await(t, "the entry of the source in jail", func() bool { return jailed(t, "v4", admin.V4().String()) && jailed(t, "v4", kernellog.ScannerV4) })
		traffic.Reaches(t, admin, lab.ServerV4, 22, 1) // whatever the set holds
		run.Hardenctl(t, "plan", path, "--detailed-exitcode")
		expires(t, "203.0.113.99")
		stop()
		if jailed(t, "v4", kernellog.ScannerV4) {
			t.Error("fail2ban stopped, and left somebody in jail")
		}
	})
}

// jailAndRelease has a scanner write as many lines as are too many, and lets it
// go again. The kernel's own ban of it stays meanwhile.
func jailAndRelease(t *testing.T, log, family, address, server string, scanner, neighbour *lab.Host) {
	t.Helper()
	traffic.Reaches(t, scanner, server, 80, 1)
	lab.Await(t, "the proof of the source", func() bool { return banset.Member(t, "proven", netip.MustParseAddr(address)) }) // which does not help it
	probes := linesFrom(t, address)
	appendTo(t, log, syslog(probes[:2]))
	// Three of another, which come later, are too many.
	other := map[string]string{"v4": "203.0.113.98", "v6": "2001:db8:bad:98::98"}[family]
	var others []string
	for _, line := range probes[:3] {
		others = append(others, strings.Replace(line, srcOf(address), srcOf(other), 1))
	}
	appendTo(t, log, syslog(others))
	lab.Await(t, "the entry of the other source in jail", func() bool { return jailed(t, family, other) })
	if jailed(t, family, address) {
		t.Error("two lines are too many, want three")
	}
	appendTo(t, log, syslog(probes[2:3]))
	lab.Await(t, "the entry of the source in jail", func() bool { return jailed(t, family, address) })
	if !traffic.IsRefused(scanner, server, 80) {
		t.Errorf("%s in jail connects", address)
	}
	if neighbour != nil && !traffic.IsRefused(neighbour, server, 80) {
		t.Errorf("a neighbour of %s in jail connects", address)
	}
	require.Contains(t, run.Tool(t, "ipset save hardenctl-jail-"+family), " timeout 3") // of 3600 s

	run.Tool(t, "ipset add hardenctl-ban-"+family+" "+address)
	client(t, "set", "hardenctl", "unbanip", address)
	lab.Await(t, "the release of the source from jail", func() bool { return !jailed(t, family, address) })
	run.Tool(t, "ipset del hardenctl-ban-"+family+" "+address) // fails if it is gone
	traffic.Reaches(t, scanner, server, 80, 1)
}

// expires holds that fail2ban and the set both end a ban whose time is over,
// without being told to.
func expires(t *testing.T, address string) {
	t.Helper()
	client(t, "set", "hardenctl", "bantime", "20")
	client(t, "set", "hardenctl", "banip", address)
	lab.Await(t, "the entry of the source in jail", func() bool { return jailed(t, "v4", address) })
	lab.Await(t, "the end of the time in jail", func() bool {
		return !jailed(t, "v4", address) && !strings.Contains(client(t, "get", "hardenctl", "banip"), address)
	})
}

// srcOf is how the kernel's lines name a source.
func srcOf(address string) string {
	return " SRC=" + netip.MustParseAddr(address).StringExpanded() + " "
}

// linesFrom returns the recorded probes of a source.
func linesFrom(t *testing.T, address string) []string {
	source := srcOf(address)
	return slices.DeleteFunc(kernellog.Lines(t), func(line string) bool {
		return !strings.Contains(line, source) || !strings.Contains(line, ": scan ")
	})
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// jailed asks the kernel for an address.
func jailed(t *testing.T, family, address string) bool {
	t.Helper()
	_, code := run.Outcome(t, exec.Command("ipset", "-q", "test", "hardenctl-jail-"+family, address))
	return code == 0
}

// fail2banAt are the arguments for a server of the test's own.
var fail2banAt = []string{"--socket", "/run/fail2ban.sock", "--pidfile", "/run/fail2ban.pid"}

// startFail2ban runs the server with what is installed, but for Debian's own
// jail, whose log a lab does not have. stop ends it as systemd does. It remembers no
// bans, which it would bring back.
func startFail2ban(t *testing.T) (stop func()) {
	t.Helper()
	return startFail2banOn(t, "None")
}

// startFail2banOn is startFail2ban with a database.
func startFail2banOn(t *testing.T, database string) (stop func()) {
	t.Helper()
	return startFail2banWith(t, database, "hardenctl")
}

// startFail2banWith is startFail2banOn for a host that has a jail of this name.
func startFail2banWith(t *testing.T, database, jail string) (stop func()) {
	t.Helper()
	if err := os.Remove("/etc/fail2ban/jail.d/defaults-debian.conf"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	testfile.Place(t, "/etc/fail2ban/fail2ban.local", "[Definition]\ndbfile = "+database+"\n")
	ctx, cancel := context.WithCancel(context.Background())
	args := append(slices.Clone(fail2banAt), "-f", "--logtarget", "STDOUT", "--syslogsocket", "auto")
	server := exec.CommandContext(ctx, "fail2ban-server", args...)
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = lab.Patience
	var said run.SyncBuffer
	server.Stdout, server.Stderr = &said, &said
	require.NoError(t, lab.StartDaemon(server))
	ended := false
	stop = func() {
		if cancel(); !ended {
			server.Wait()
			ended = true
		}
	}
	t.Cleanup(func() {
		if stop(); t.Failed() {
			t.Logf("fail2ban says:\n%s", &said)
		}
	})
	lab.Await(t, "an answer of fail2ban", func() bool {
		_, code := run.Outcome(t, exec.Command("fail2ban-client", append(slices.Clone(fail2banAt), "status", jail)...))
		return code == 0
	})
	return stop
}

// client asks the running server and returns its answer.
func client(t *testing.T, args ...string) string {
	t.Helper()
	return run.WithInput(t, "", "fail2ban-client", append(slices.Clone(fail2banAt), args...)...)
}
