package coexistence

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/dockerd"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// Docker that restarts in a trial puts its jumps before all others in
// FORWARD. The trial can be confirmed all the same, and reverted all the same.
func TestDockerRestartInATrial(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	one := testfile.Write(t, "published.toml", dockerd.Publishing)
	other := testfile.Write(t, "other.toml", strings.Replace(dockerd.Publishing, `"tcp/8080", `, `"tcp/8080", "tcp/9090", `, 1))
	customer := lab.NewNetwork(t).Host("customer", "192.0.2.31/24", "2001:db8::31/64")
	d := dockerd.New(t)
	d.Start(t, dockerd.WithIPv6...)
	d.Load(t)
	d.Run(t, "one", "8080:80", "9090:80")
	again := func() {
		d.Stop(t)
		d.Start(t, dockerd.WithIPv6...)
		lab.Await(t, "a connection to the port that is on trial", func() bool { return traffic.Connect(customer, lab.ServerV4, 9090) == nil })
	}
	run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")

	trials.TryOut(t, other, "5m")
	again()
	run.Expect(t, 0, "revert")
	traffic.Refused(t, customer, lab.ServerV4, 9090)
	traffic.Reaches(t, customer, lab.ServerV4, 8080, 1)
	run.Expect(t, 0, "plan", one, "--detailed-exitcode")

	before := dockerd.Rules(t)
	token, _ := trials.TryOut(t, other, "5m")
	again()
	require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "confirm", token), "Confirmed.")
	traffic.Reaches(t, customer, lab.ServerV4, 9090, 1)
	run.Expect(t, 0, "plan", other, "--detailed-exitcode")
	dockerd.UntouchedBy(t, before)
}
