package webserver

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// watchful is a web and name server whose admins and crawlers are known. What it
// does about scans comes behind it.
const watchful = `version = 1
description = "A web and name server, watched"

[policy]
input = "drop"

[sets.office]
addresses = ["198.51.100.0/28", "2001:db8:10::/48"]

[sets.crawlers]
addresses = ["66.249.64.0/27", "2001:4860:4801:10::/64"]

[access]
admin = ["@office"]
exempt = ["@crawlers"]

[services.http]
ports = ["tcp/80"]

[services.https]
ports = ["tcp/443"]
new_per_source = "50/second burst 200"

[services.dns]
ports = ["udp/53"]

[services.ssh]
ports = ["tcp/22"]
admin = true
from = ["@office"]

[icmp]
echo_per_source = "1/second burst 5"

[udp]
new_per_source = "5/minute burst 10"
`

// Profile is the server under attack; %s is the scope of its bans.
const Profile = watchful + `
[scan]
probes = 10
window = "60s"
ban = "1h"
scope = "%s"
stealth = true
`

// Variant writes the profile of the siege with replacements, in pairs.
func Variant(t *testing.T, replacements ...string) string {
	t.Helper()
	return testfile.Write(t, "variant.toml", strings.NewReplacer(replacements...).Replace(fmt.Sprintf(Profile, "hidden")))
}

// Watched is a server that bans at the eleventh probe in a minute. It ends in
// [scan], so that more lines of it can follow.
const Watched = watchful + `
[scan]
probes = 10
stealth = true
`

// Watch makes the server one with that profile and more lines of [scan].
func Watch(t *testing.T, more string) {
	t.Helper()
	Serve(t)
	run.Expect(t, 0, "apply", testfile.Write(t, "watched.toml", Watched+more+"\n"), "--auto-approve", "--confirm-within", "0", "--no-guard")
}

// OverWeb is a profile laid over the built-in web server.
func OverWeb(t *testing.T, text string) string {
	t.Helper()
	return testfile.Write(t, "over.toml", "version = 1\ninclude = [\"builtin:web\"]\n"+text)
}

// Builtins are the built-in profiles, with what they want of their user. Some of
// them leave a banned source the services.
var Builtins = []struct {
	Name, More string
	// Hidden says that scan.scope is, published that FORWARD is filtered.
	Hidden, Published bool
}{
	{Name: "base"},
	{Name: "bastion", More: "[knocks.front-door]\nsequence = [\"tcp/18211\", \"udp/4127\", \"tcp/29405\"]\n"},
	{Name: "database", Hidden: true},
	{Name: "dns", Hidden: true},
	{Name: "docker-host", Hidden: true, Published: true},
	{Name: "gateway", Hidden: true, Published: true},
	{Name: "howto"},
	{Name: "mail", Hidden: true},
	{Name: "ot-controller"},
	{Name: "server"},
	{Name: "web", Hidden: true},
}

// LoadedBy checks that the rules are in this backend and in no other, so that
// the siege is of what it says.
func LoadedBy(t *testing.T, backend string) {
	t.Helper()
	for _, b := range lab.Backends {
		out, err := exec.Command("iptables-" + b + "-save").Output()
		if err != nil {
			t.Fatal(err)
		}
		if ours := strings.Contains(string(out), "-j HARDENCTL-"); ours != (b == backend) {
			t.Fatalf("backend %s: our rules in %s: %v", backend, b, ours)
		}
	}
}
