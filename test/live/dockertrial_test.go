package live

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Docker that restarts in a trial puts its jumps before all others in
// FORWARD. The trial can be confirmed all the same, and reverted all the same.
func TestDockerRestartInATrial(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	one := write(t, "published.toml", publishing)
	other := write(t, "other.toml", strings.Replace(publishing, `"tcp/8080", `, `"tcp/8080", "tcp/9090", `, 1))
	customer := lab.NewNetwork(t).Host("customer", "192.0.2.31/24", "2001:db8::31/64")
	d := newDocker(t)
	d.start(t, withIPv6...)
	d.load(t)
	d.run(t, "one", "8080:80", "9090:80")
	again := func() {
		d.stop(t)
		d.start(t, withIPv6...)
		lab.Await(t, "a connection to the port that is on trial", func() bool { return connect(customer, lab.ServerV4, 9090) == nil })
	}
	expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")

	tryOut(t, other, "5m")
	again()
	expect(t, 0, "revert")
	refused(t, customer, lab.ServerV4, 9090)
	reaches(t, customer, lab.ServerV4, 8080, 1)
	expect(t, 0, "plan", one, "--detailed-exitcode")

	before := dockers(t)
	token, _ := tryOut(t, other, "5m")
	again()
	contains(t, expectAs(t, confirming, 0, "confirm", token), "Confirmed.")
	reaches(t, customer, lab.ServerV4, 9090, 1)
	expect(t, 0, "plan", other, "--detailed-exitcode")
	untouchedBy(t, before)
}
