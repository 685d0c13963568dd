package coexistence

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// leavesServices is a server whose bans leave the services.
const leavesServices = `version = 1
include = ["builtin:server"]

[scan]
scope = "hidden"

[fail2ban]
log = "/run/kern.log"
`

// guesses is a jail of the administrator's own, which bans by the action of ours.
const guesses = `[guesses]
enabled = true
filter = hardenctl
backend = auto
logpath = /run/kern.log
banaction = hardenctl
`

// TestJailOfOthers has the real fail2ban put sources into both pairs of sets: by
// the lines that it counts into one, by a jail of the administrator's into the
// other.
func TestJailOfOthers(t *testing.T) {
	stage.Bare(t, lab.Backends[0])
	require.NoError(t, os.WriteFile("/run/kern.log", nil, 0o644))
	testfile.Place(t, "/etc/fail2ban/jail.d/guesses.conf", guesses)
	t.Cleanup(func() { require.NoError(t, os.Remove("/etc/fail2ban/jail.d/guesses.conf")) })
	run.Expect(t, 0, "apply", testfile.Write(t, "server.toml", leavesServices), "--auto-approve", "--confirm-within", "0", "--no-guard")
	defer startFail2ban(t)()
	for jail, set := range map[string]string{"hardenctl": "lines", "guesses": "jail"} {
		for _, address := range []string{"203.0.113.7", "2001:db8:bad:7::7"} {
			a := netip.MustParseAddr(address)
			client(t, "set", jail, "banip", address)
			lab.Await(t, "the entry of the source in "+set, func() bool { return banset.Member(t, set, a) })
			other := map[string]string{"lines": "jail", "jail": "lines"}[set]
			if banset.Member(t, other, a) {
				t.Errorf("the jail %s puts %s into %s", jail, address, other)
			}
			client(t, "unban", address)
			lab.Await(t, "the removal of the source from "+set, func() bool { return !banset.Member(t, set, a) })
		}
	}

	// What the plan tells to do after an apply that changes fail2ban's files.
	all := strings.Replace(leavesServices, "hidden", "everything", 1)
	run.Expect(t, 0, "apply", testfile.Write(t, "all.toml", all), "--auto-approve", "--confirm-within", "0", "--no-guard")
	client(t, "reload")
	client(t, "set", "hardenctl", "banip", "203.0.113.8")
	lab.Await(t, "the entry of the source in jail, after a reload,", func() bool { return jailed(t, "v4", "203.0.113.8") })
	for _, address := range []string{"203.0.113.9", "2001:db8:bad:9::9"} {
		sharedBy(t, netip.MustParseAddr(address))
	}
	sharedNetwork(t)
}

// A source in jail opens no new connection, and those that it has go on: the jail is
// asked about first packets alone.
func TestJailSparesOpenConnections(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", testfile.Write(t, "jail.toml", "version = 1\ninclude = [\"builtin:web\"]\n[fail2ban]\n"), "--auto-approve", "--confirm-within", "0", "--no-guard")
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		lab.Serve(t, "tcp", 80)
		traffic.Arrive(t, client)
		for i, a := range traffic.Addresses(client) {
			s := traffic.OpenStream(t, client, traffic.Families[i].Server)
			set, entry := banset.SourceSet("jail", a)
			run.Tool(t, "ipset add "+set+" "+entry.String())
			traffic.Refused(t, client, traffic.Families[i].Server, 80)
			s.GoesOn(t)
			s.End(t)
		}
	})
}

// sharedBy has two jails, hardenctl and guesses, ban an address. The entry in the set
// lasts as long as the longest ban, however the others end.
func sharedBy(t *testing.T, a netip.Addr) {
	t.Helper()
	set, entry := banset.SourceSet("jail", a)
	lasts := func(when string, least, most int) {
		t.Helper()
		if left := banset.Remaining(t, set, entry.String()); left < least || left > most {
			t.Errorf("%s: %v is in jail for %d s, want %d to %d", when, a, left, least, most)
		}
	}
	ban := func(jail, seconds string) {
		t.Helper()
		client(t, "set", jail, "bantime", seconds)
		client(t, "set", jail, "banip", a.String())
		noted(t, jail, a.String(), true)
	}
	ban("hardenctl", "3600")
	banInPassing(t, a)
	lasts("a short ban has ended", 3000, 3600)
	ban("guesses", "600")
	lasts("a person has banned it for a shorter time", 3000, 3600)
	client(t, "set", "hardenctl", "unbanip", a.String())
	lasts("a person has ended the longer ban", 300, 600)
	client(t, "set", "guesses", "unbanip", a.String())
	lasts("a person has ended both", -1, -1)

	ban("hardenctl", "-1")
	ban("guesses", "600")
	lasts("it is banned for ever", 0, 0)
	client(t, "unban", a.String())
	lasts("a person has ended all its bans", -1, -1)
	client(t, "set", "hardenctl", "bantime", "3600")
}

// banInPassing has guesses ban an address, and waits until that ban ends by itself.
func banInPassing(t *testing.T, a netip.Addr) {
	t.Helper()
	total := regexp.MustCompile(`Total banned:\s*\d+`)
	before := total.FindString(client(t, "status", "guesses"))
	client(t, "set", "guesses", "bantime", "2")
	client(t, "set", "guesses", "banip", a.String())
	lab.Await(t, "the end of the short ban", func() bool {
		status := client(t, "status", "guesses")
		return total.FindString(status) != before && !strings.Contains(status, a.String())
	})
	noted(t, "guesses", a.String(), false)
}

// sharedNetwork has one jail ban two addresses of one /64, and another jail one of
// them. The /64 stays in jail until the last ban has ended. A jail that stops ends its
// own bans only.
func sharedNetwork(t *testing.T) {
	t.Helper()
	const one, other = "2001:db8:bad:64::1", "2001:db8:bad:64::2"
	held := func() bool { return banset.Member(t, "jail", netip.MustParseAddr(other)) }
	ban := func(jail, address string) {
		t.Helper()
		client(t, "set", jail, "banip", address)
		noted(t, jail, address, true)
	}
	ban("hardenctl", one)
	ban("hardenctl", other)
	client(t, "set", "hardenctl", "unbanip", one)
	if !held() {
		t.Error("the end of a neighbour's ban frees the /64")
	}
	ban("guesses", one)
	client(t, "stop", "guesses")
	if !held() {
		t.Error("a jail that stops frees an address of another jail")
	}
	ban("hardenctl", one)
	client(t, "set", "hardenctl", "unbanip", one, other)
	if held() {
		t.Error("the /64 is in jail after the last ban has ended")
	}
}

// noted waits until a jail has run its action for an address, which notes a ban, or
// strikes it out, and holds a lock until the set is as it says. fail2ban names a ban
// before it runs the action.
func noted(t *testing.T, jail, address string, want bool) {
	t.Helper()
	const notes = "/run/fail2ban/hardenctl"
	lab.Await(t, fmt.Sprintf("a note of %s on %s: %v", jail, address, want), func() bool {
		_, code := run.Outcome(t, exec.Command("grep", "-rqsx", "[0-9]* "+jail+" "+address, notes))
		return code == 0 == want
	})
	run.Tool(t, "flock "+notes+"/lock true")
}
