package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// daemonActor is set in the environment of the process that starts the daemon.
const daemonActor = "LAB_STARTS_DAEMON"

// A daemon outlives the thread of the function that started it, and dies when the
// process is killed.
func TestDaemonLivesAsLongAsTheProcess(t *testing.T) {
	Require(t)
	if os.Getenv(daemonActor) != "" {
		startFromThreadThatEnds(t)
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDaemonLivesAsLongAsTheProcess$")
	cmd.Env = append(os.Environ(), daemonActor+"=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, StartDaemon(cmd))
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Errorf("%q: the daemon died with the thread that called StartDaemon", line)
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	Await(t, "the end of the daemon", func() bool { return !running(pid) })
}

// startFromThreadThatEnds starts a daemon that repeats what it reads. When the thread
// has gone, it prints the pid of the daemon if that still answers.
func startFromThreadThatEnds(t *testing.T) {
	daemon := exec.Command("cat")
	in, err := daemon.StdinPipe()
	must(t, err)
	out, err := daemon.StdoutPipe()
	must(t, err)
	var thread string
	must(t, netns.Throwaway(func() error {
		thread = fmt.Sprintf("/proc/self/task/%d", unix.Gettid())
		return StartDaemon(daemon)
	}))
	Await(t, "the end of the thread", func() bool {
		_, err := os.Stat(thread)
		return errors.Is(err, os.ErrNotExist)
	})
	fmt.Fprintln(in, daemon.Process.Pid)
	answer, _ := bufio.NewReader(out).ReadString('\n')
	fmt.Println(strings.TrimSpace(answer))
}

// running reports whether a process has not ended; one for which no process has waited has.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := bytes.Cut(text, []byte(") "))
	return err == nil && state[0] != 'Z' && state[0] != 'X'
}
