package live

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"hardenctl/lab"
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
	bare(t, lab.Backends[0])
	must(t, os.WriteFile("/run/kern.log", nil, 0o644))
	place(t, "/etc/fail2ban/jail.d/guesses.conf", guesses)
	t.Cleanup(func() { must(t, os.Remove("/etc/fail2ban/jail.d/guesses.conf")) })
	expect(t, 0, "apply", write(t, "server.toml", leavesServices), "--auto-approve", "--confirm-within", "0", "--no-guard")
	defer startFail2ban(t)()
	for jail, set := range map[string]string{"hardenctl": "lines", "guesses": "jail"} {
		for _, address := range []string{"203.0.113.7", "2001:db8:bad:7::7"} {
			a := netip.MustParseAddr(address)
			client(t, "set", jail, "banip", address)
			lab.Await(t, "the entry of the source in "+set, func() bool { return member(t, set, a) })
			other := map[string]string{"lines": "jail", "jail": "lines"}[set]
			if member(t, other, a) {
				t.Errorf("the jail %s puts %s into %s", jail, address, other)
			}
			client(t, "unban", address)
			lab.Await(t, "the removal of the source from "+set, func() bool { return !member(t, set, a) })
		}
	}

	// What the plan tells to do after an apply that changes fail2ban's files.
	all := strings.Replace(leavesServices, "hidden", "everything", 1)
	expect(t, 0, "apply", write(t, "all.toml", all), "--auto-approve", "--confirm-within", "0", "--no-guard")
	client(t, "reload")
	client(t, "set", "hardenctl", "banip", "203.0.113.8")
	lab.Await(t, "the entry of the source in jail, after a reload,", func() bool { return jailed(t, "v4", "203.0.113.8") })
}
