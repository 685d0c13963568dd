package live

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// An interface that the profile names goes away in a trial: there is nothing of
// it to return to, and the rest does.
func TestInterfaceGoesInATrial(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	tool(t, "ip link add gone0 type veth peer name gone1")
	tryOut(t, write(t, "nic.toml", "version = 1\ninclude = [\"builtin:web\"]\n[nics.gone0]\ngro = true\n"), "2m")
	tool(t, "ip link del gone0")
	contains(t, expect(t, 0, "revert"), "Reverted.")
	nothingUnderWay(t)
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
}

// A connection that is made while the rules of a first apply are being
// loaded, before conntrack looks, goes on in the trial.
func TestConnectionMadeWhileRulesLoad(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		t.Cleanup(func() { as(t, applying, "revert") })
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		loading, opened := filepath.Join(t.TempDir(), "loading"), filepath.Join(t.TempDir(), "opened")
		breakNamed(t, "iptables-restore", "touch "+loading+"; "+untilThere(opened))
		cmd := exec.Command(binary(t), "apply", variant(t), "--auto-approve", "--no-guard", "--confirm-within", "10m")
		cmd.Env = append(os.Environ(), applying)
		done := make(chan string, 1)
		go func() {
			out, _ := cmd.CombinedOutput()
			done <- string(out)
		}()
		awaitFile(t, loading)
		conn := openSession(t, client, lab.ServerV4)
		must(t, os.WriteFile(opened, nil, 0o600))
		contains(t, <-done, "on trial for 600 s")
		must(t, conn.SetDeadline(time.Now().Add(lab.Patience)))
		_, err := conn.Write([]byte("x"))
		must(t, err)
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

// untilThere has a script wait until there is a file. A tool has half a minute.
func untilThere(path string) string {
	return "for i in $(seq 250); do [ -e " + path + " ] && break; sleep 0.1; done"
}
