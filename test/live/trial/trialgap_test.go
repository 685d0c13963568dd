package trial

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// An interface that the profile names goes away in a trial: there is nothing of
// it to return to, and the rest does.
func TestInterfaceGoesInATrial(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	run.Tool(t, "ip link add gone0 type veth peer name gone1")
	trials.TryOut(t, testfile.Write(t, "nic.toml", "version = 1\ninclude = [\"builtin:web\"]\n[nics.gone0]\ngro = true\n"), "2m")
	run.Tool(t, "ip link del gone0")
	require.Contains(t, run.Expect(t, 0, "revert"), "Reverted.")
	trials.NothingUnderWay(t)
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
}

// A connection that is made while the rules of a first apply are being
// loaded, before conntrack looks, goes on in the trial.
func TestConnectionMadeWhileRulesLoad(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		t.Cleanup(func() { run.As(t, run.Applying, "revert") })
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		loading, opened := filepath.Join(t.TempDir(), "loading"), filepath.Join(t.TempDir(), "opened")
		inject.BreakNamed(t, "iptables-restore", "touch "+loading+"; "+inject.UntilThere(opened))
		cmd := exec.Command(run.Binary(t), "apply", webserver.Variant(t), "--auto-approve", "--no-guard", "--confirm-within", "10m")
		cmd.Env = append(os.Environ(), run.Applying)
		done := make(chan string, 1)
		go func() {
			out, _ := cmd.CombinedOutput()
			done <- string(out)
		}()
		awaitFile(t, loading)
		conn := traffic.OpenSession(t, client, lab.ServerV4)
		require.NoError(t, os.WriteFile(opened, nil, 0o600))
		require.Contains(t, <-done, "on trial for 600 s")
		require.NoError(t, conn.SetDeadline(time.Now().Add(lab.Patience)))
		_, err := conn.Write([]byte("x"))
		require.NoError(t, err)
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Errorf("the connection dies in the trial: %v", err)
		}
	})
}

// awaitFile waits until a file is there.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	lab.Await(t, "the file "+path, func() bool { _, err := os.Stat(path); return err == nil })
}
