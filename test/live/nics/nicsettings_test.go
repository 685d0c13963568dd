package nics

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/ethtool"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"golang.org/x/sys/unix"
)

// nicProfile names an interface of the test, with a file of its own at boot.
const nicProfile = `version = 1
include = ["builtin:web"]

[nics."nic0.1"]
gro = true
tso = false
`

const nicLink = "/etc/systemd/network/98-hardenctl-nic0.1.link"

// An offload is planned, set, read back, and stated for the next boot; a second
// plan is empty, a change by hand is seen, and what the profile
// does not state any more leaves the files and is as before.
func TestOffloads(t *testing.T) {
	stage.Bare(t, "nft")
	addNIC(t)
	profile := testfile.Write(t, "nic.toml", nicProfile)
	out := run.Expect(t, 0, "plan", profile, "--full")
	require.Contains(t, out, "~ nic0.1 gro: off -> on   # nic.toml:5", "~ nic0.1 tso: on -> off   # nic.toml:6", "+ "+nicLink)
	offloadsAre(t, "off", "on")

	saved := t.TempDir() + "/plan.json"
	run.Expect(t, 0, "plan", profile, "-o", saved)
	run.Expect(t, 0, "apply", "--plan", saved, "--auto-approve", "--confirm-within", "0", "--no-guard")
	offloadsAre(t, "on", "off")
	text, err := os.ReadFile(nicLink)
	require.NoError(t, err)
	require.Contains(t, string(text), "\nOriginalName=nic0.1\n", "\nGenericReceiveOffload=true\n", "\nTCP6SegmentationOffload=false\n")
	run.Expect(t, 0, "plan", profile, "--detailed-exitcode")

	run.Tool(t, "ethtool -K nic0.1 gro off")
	changes := run.Planned(t, profile).Changes
	if len(changes) != 1 || changes[0].Object != "nic0.1 gro" || changes[0].Kind != plan.Setting || changes[0].Origin == nil {
		t.Errorf("after a change by hand the plan is %+v", changes)
	}

	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	if _, err := os.Stat(nicLink); !os.IsNotExist(err) {
		t.Errorf("the file of an interface that no profile names is left: %v", err)
	}
	offloadsAre(t, "off", "on") // as before hardenctl
}

// An apply that fails turns the offloads back. The kernel leaves TSO off without
// scatter-gather, and reports it only where it is read.
func TestOffloadsGoBack(t *testing.T) {
	stage.Bare(t, "nft")
	addNIC(t)
	run.Tool(t, "ethtool -K nic0.1 sg off")
	offloadsAre(t, "off", "off")
	profile := testfile.Write(t, "nic.toml", strings.ReplaceAll(nicProfile, "false", "true"))
	require.Contains(t, run.Expect(t, 3, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard"),
		"nic0.1 tso: set it to on, but the kernel reports off", "the change was undone, the host is as before")
	offloadsAre(t, "off", "off")
	if _, err := os.Stat(nicLink); !os.IsNotExist(err) {
		t.Errorf("a failed apply left the file: %v", err)
	}
}

// An interface that is not there is out of reach; the rest is applied, and its
// file is there for the day that it comes.
func TestOffloadsOutOfReach(t *testing.T) {
	stage.Bare(t, "nft")
	addNIC(t)
	profile := testfile.Write(t, "nic.toml", nicProfile+"[nics.away0]\ngro = true\n")
	const link = "/etc/systemd/network/98-hardenctl-away0.link"
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(link)) })
	require.Contains(t, run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard"), "away0 gro: nothing, not on: this host has no such interface")
	offloadsAre(t, "on", "off")
	if _, err := os.Stat(link); err != nil {
		t.Error(err)
	}
	run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
}

// An interface that could use more queues than one is named.
func TestQueueNote(t *testing.T) {
	stage.Bare(t, "nft")
	addNIC(t)
	profile := testfile.Write(t, "nic.toml", nicProfile)
	const says = "`ethtool -L nic0.1 rx 4` uses more"
	if notes := strings.Join(run.Planned(t, profile).Notes, "\n"); strings.Contains(notes, "ethtool -L") {
		t.Errorf("it uses all of its queues, and yet: %s", notes)
	}
	run.Tool(t, "ethtool -L nic0.1 rx 1")
	require.Contains(t, strings.Join(run.Planned(t, profile).Notes, "\n"), says)
	run.Tool(t, "ethtool -L nic0.1 rx 4")
}

// addNIC adds an interface with four queues, that receives packet by packet and
// sends in large segments.
func addNIC(t *testing.T) {
	t.Helper()
	run.Tool(t, "ip link add nic0.1 numrxqueues 4 numtxqueues 4 type veth peer name nic0.2 numrxqueues 4 numtxqueues 4")
	t.Cleanup(func() {
		run.Tool(t, "ip link del nic0.1")
		require.NoError(t, os.RemoveAll(nicLink))
	})
	run.Tool(t, "ethtool -K nic0.1 gro off tso on")
}

// offloadsAre asks the tool of others.
func offloadsAre(t *testing.T, gro, tso string) {
	t.Helper()
	require.Contains(t, run.Tool(t, "ethtool -k nic0.1"), "generic-receive-offload: "+gro+"\n", "\ttx-tcp-segmentation: "+tso)
}

// What a driver does not offer is out of reach, with the reason; what it offers
// and does not do fails the apply, which leaves the interface as it was.
func TestQueuesAndLRO(t *testing.T) {
	stage.Bare(t, "nft")
	addNIC(t)
	profile := testfile.Write(t, "queues.toml", "version = 1\n[nics.\"nic0.1\"]\nlro = true\nqueues = 2\n")
	require.Contains(t, run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard"),
		"nic0.1 lro: off, not on: the driver of this interface does not allow a change",
		"nic0.1 queues: 0, not 2: its driver has separate queues for receiving and sending: use `ethtool -L nic0.1 rx 2 tx 2`")
	text, err := os.ReadFile(nicLink)
	require.NoError(t, err)
	require.Contains(t, string(text), "\nLargeReceiveOffload=true\n", "\nCombinedChannels=2\n")

	run.Tool(t, "ip link add link nic0.2 nic0.3 type macvlan")
	run.Tool(t, "ip tuntap add dev nic0.4 mode tap multi_queue")
	t.Cleanup(func() { run.Tool(t, "ip link del nic0.4") })
	for _, c := range []struct{ table, says string }{
		{"[nics.\"nic0.3\"]\nlro = true\n", "nic0.3 lro: set it to on, but the kernel reports off"},
		{"[nics.\"nic0.4\"]\nqueues = 2\n", "remove queues from the profile"},
	} {
		require.Contains(t, run.Expect(t, 3, "apply", testfile.Write(t, "nic.toml", "version = 1\n"+c.table), "--auto-approve", "--confirm-within", "0", "--no-guard"), c.says, "the change was undone, the host is as before")
	}
	require.Contains(t, run.Tool(t, "ethtool -k nic0.3"), "large-receive-offload: off\n") // and not "[requested on]"
}

// Channels are set as they are asked for. No driver in a lab has combined ones,
// so this asks for one queue in each direction.
func TestSetChannels(t *testing.T) {
	lab.Require(t)
	addNIC(t)
	c, err := ethtool.ReadChannels("nic0.1")
	require.NoError(t, err)
	if want := (ethtool.Channels{Receive: 4, Send: 4, MaxReceive: 4, MaxSend: 4}); c != want {
		t.Errorf("channels %+v, want %+v", c, want)
	}
	c.Receive, c.Send = 2, 1
	require.NoError(t, ethtool.SetChannels("nic0.1", c))
	if now, err := ethtool.ReadChannels("nic0.1"); err != nil || now != c {
		t.Errorf("channels %+v, %v, want %+v", now, err, c)
	}
	require.Contains(t, run.Tool(t, "ethtool -l nic0.1"), "RX:\t\t2\nTX:\t\t1\n")
	c.Receive = 9
	if err := ethtool.SetChannels("nic0.1", c); !errors.Is(err, unix.EINVAL) {
		t.Errorf("more than there are: %v", err)
	}
}

// A link file of others that udev would take first is named.
func TestLinkNote(t *testing.T) {
	stage.Bare(t, "nft")
	addNIC(t)
	profile := testfile.Write(t, "nic.toml", nicProfile)
	const other = "/etc/systemd/network/10-other.link"
	if notes := strings.Join(run.Planned(t, profile).Notes, "\n"); strings.Contains(notes, ".link") {
		t.Errorf("a note of no file: %s", notes)
	}
	t.Cleanup(func() { require.NoError(t, os.Remove(other)) })
	testfile.Place(t, other, "[Match]\nOriginalName=nic0.*\n[Link]\nMTUBytes=1400\n")
	require.Contains(t, strings.Join(run.Planned(t, profile).Notes, "\n"), other+" matches nic0.1 too and comes first")
}
