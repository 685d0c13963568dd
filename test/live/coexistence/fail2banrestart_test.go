package coexistence

import (
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// fail2ban brings the bans of its database back when it starts. They come back into
// the sets of ours with the time that is left of them, those that are over stay away,
// and an admin is shut out by neither jail.
func TestFail2banRestarts(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		const database = "/run/fail2ban.sqlite3"
		lab.Serve(t, "tcp", 22)
		os.Remove(database)
		require.NoError(t, os.WriteFile("/run/kern.log", nil, 0o644))
		testfile.Place(t, "/etc/fail2ban/jail.d/guesses.conf", guesses+"bantime = 3600\n") // by which fail2ban judges what is over
		t.Cleanup(func() { require.NoError(t, os.Remove("/etc/fail2ban/jail.d/guesses.conf")) })
		admin := webserver.NewClients(lab.NewNetwork(t)).Admin
		run.Expect(t, 0, "apply", testfile.Write(t, "server.toml", `version = 1
include = ["builtin:server"]
[access]
admin = ["`+admin.V4().String()+`"]
[fail2ban]
log = "/run/kern.log"
`), "--auto-approve", "--confirm-within", "0", "--no-guard")

		stop := startFail2banOn(t, database)
		sources := []string{"203.0.113.7", "2001:db8:bad:7::7"}
		const over = "203.0.113.8"
		for _, jail := range []string{"hardenctl", "guesses"} {
			for _, address := range append(sources, over, admin.V4().String()) {
				client(t, "set", jail, "banip", address)
				noted(t, jail, address, true)
			}
		}
		stop()
		for _, address := range sources {
			if banset.Member(t, "jail", netip.MustParseAddr(address)) {
				t.Fatalf("%s is in jail without a fail2ban", address)
			}
		}
		passes(t, database, "ip != '"+over+"'", 3000)
		passes(t, database, "ip = '"+over+"'", 3700)

		defer startFail2banOn(t, database)()
		for _, address := range sources {
			a := netip.MustParseAddr(address)
			lab.Await(t, "the return of the ban of "+address, func() bool { return banset.Member(t, "jail", a) })
			set, entry := banset.SourceSet("jail", a)
			if left := banset.Remaining(t, set, entry.String()); left < 300 || left > 600 {
				t.Errorf("%s is in jail for %d s, want 300 to 600", address, left)
			}
		}
		noted(t, "guesses", admin.V4().String(), true) // that jail spares trusted sources
		if banset.Member(t, "jail", netip.MustParseAddr(over)) {
			t.Errorf("the ban of %s was over, and came back", over)
		}
		if _, code := run.Outcome(t, exec.Command("grep", "-rqsx", "[0-9]* hardenctl "+admin.V4().String(), "/run/fail2ban/hardenctl")); code == 0 {
			t.Error("the jail hardenctl bans an admin anew")
		}
		traffic.Reaches(t, admin, lab.ServerV4, 22, 1)
	})
}

// passes makes bans in fail2ban's database older by so many seconds.
func passes(t *testing.T, database, which string, seconds int) {
	t.Helper()
	const age = `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    assert db.execute("UPDATE bans SET timeofban = timeofban - ? WHERE " + sys.argv[2], (sys.argv[3],)).rowcount > 0
    db.execute("UPDATE bips SET timeofban = timeofban - ? WHERE " + sys.argv[2], (sys.argv[3],))
`
	run.WithInput(t, "", "/usr/bin/python3", "-c", age, database, which, strconv.Itoa(seconds))
}
