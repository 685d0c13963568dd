package lower_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestConnectionsPerSource shows who is spared connlimit at first: the callers of
// a service that is for everyone and takes many connections of each.
func TestConnectionsPerSource(t *testing.T) {
	const always = `
		-p tcp -m connlimit --connlimit-above %d --connlimit-mask %d --connlimit-saddr -j HARDENCTL-DROP-LIMIT
		-j ACCEPT`
	const spared = `
		-p tcp -m set --match-set hardenctl-callers-v%[1]d src --packets-gt %[2]d -m connlimit --connlimit-above %[3]d --connlimit-mask %[4]d --connlimit-saddr -j HARDENCTL-DROP-LIMIT
		-p tcp -m set ! --match-set hardenctl-callers-v%[1]d src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v%[1]d src --exist
		-j ACCEPT`
	const web = "log.rate = \"5/minute\"\nservices.web = { ports = [\"tcp/443\"], connections_per_source = "
	run(t, []example{
		{"many", web + "2000 }", ruleset.V4, "S-WEB", fmt.Sprintf(spared, 4, 250, 1750, 32)},
		{"many, of a /64", web + "2000 }", ruleset.V6, "S-WEB", fmt.Sprintf(spared, 6, 250, 1750, 64)},
		{"an eighth, rounded down", web + "407 }", ruleset.V4, "S-WEB", fmt.Sprintf(spared, 4, 50, 357, 32)},
		{"few", web + "399 }", ruleset.V4, "S-WEB", fmt.Sprintf(always, 399, 32)},
		{"few, of a /64", web + "20 }", ruleset.V6, "S-WEB", fmt.Sprintf(always, 20, 64)},
		{"stated sources", web + `2000, from = ["192.0.2.0/24"] }`, ruleset.V4, "S-WEB", fmt.Sprintf(always, 2000, 32)},
	})
}

// TestCallersAreShared holds that one set counts for all services, and that
// there is none where no source is spared.
func TestCallersAreShared(t *testing.T) {
	const two = `
services.a = { ports = ["tcp/80"], connections_per_source = 2000 }
services.b = { ports = ["tcp/443"], connections_per_source = 800 }
`
	const want = "callers-v4 hash:ip family inet hashsize 65536 maxelem 262144 timeout 86400 counters forceadd: 0\n" +
		"callers-v6 hash:ip family inet6 hashsize 65536 maxelem 262144 netmask 64 timeout 86400 counters forceadd: 0"
	if got := creates(lowered(t, two)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, none := range []string{
		"services.a = { ports = [\"tcp/80\"], connections_per_source = 20 }",
		"services.a = { ports = [\"udp/80\"], connections_per_source = 2000 }",
	} {
		if got := creates(lowered(t, none)); strings.Contains(got, "callers") {
			t.Errorf("%s: the sets are\n%s", none, got)
		}
	}
}
