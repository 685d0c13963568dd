package tool

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// stoppedNote names a file that the tool of TestStoppedMeanwhile makes.
const stoppedNote = "HARDENCTL_TEST_NOTE"

// A tool that ends with success while this process is stopped, as by a machine
// that sleeps, has succeeded, although its time is over when the process goes on.
func TestStoppedMeanwhile(t *testing.T) {
	const limit = 3 * time.Second
	if note := os.Getenv(stoppedNote); note != "" {
		c := sh("touch " + note + "; sleep 1; echo done")
		c.Timeout = limit
		if out, err := Run(context.Background(), c); err != nil || string(out) != "done\n" {
			t.Errorf("%q, %v", out, err)
		}
		return
	}
	note := filepath.Join(t.TempDir(), "note")
	cmd := exec.Command(os.Args[0], "-test.run=^TestStoppedMeanwhile$", "-test.v")
	cmd.Env = append(os.Environ(), stoppedNote+"="+note)
	out := &bounded{limit: MaxWords}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lab.Await(t, "the tool's note", func() bool { _, err := os.Stat(note); return err == nil })
	cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(limit + time.Second)
	cmd.Process.Signal(syscall.SIGCONT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.kept.Bytes())
	}
}
