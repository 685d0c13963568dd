// Package tool runs the host's own firewall tools: iptables, ipset, ip and the
// like.
//
// These run as root and decide what the firewall is, so nothing that a caller's
// shell has set may choose or bend them. A tool is found in a fixed list of
// folders, never by PATH. Its environment is LC_ALL=C, so that its words can be
// read, and a PATH of the same folders for what it starts itself; variables
// such as XTABLES_LIBDIR, XTABLES_LOCKFILE or LD_PRELOAD do not reach it. It
// gets its input whole, it has a time to end in, and what it may print is
// bounded.
//
// A tool runs in the network namespace of the calling thread. A caller that
// changes namespaces must hold its thread with runtime.LockOSThread.
package tool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// The limits of a run.
const (
	// DefaultTimeout is how long a tool may take where the Command says nothing.
	DefaultTimeout = 30 * time.Second
	// MaxOutput is the most bytes of standard output; more is an error, since
	// half a save is not a save. A million set entries are about 40 MB.
	MaxOutput = 256 << 20
	// MaxWords is the most bytes of standard error that are kept; what comes
	// after them is lost without an error.
	MaxWords = 64 << 10
)

// maxOutput is MaxOutput, defaultTimeout DefaultTimeout; tests lower them.
var (
	maxOutput      = MaxOutput
	defaultTimeout = DefaultTimeout
)

// killDelay is how long Run waits, after the kill, for processes that left the
// group and still hold the pipes.
const killDelay = 2 * time.Second

// Command is one run of a tool.
type Command struct {
	// Name is the bare name, such as "iptables-nft-restore".
	Name string
	Args []string
	// Stdin is the whole input; nil is /dev/null. An error that names an input
	// line quotes it from here.
	Stdin []byte
	// Timeout is the time that the tool may take; 0 is DefaultTimeout.
	Timeout time.Duration
}

// Run runs the tool and returns what it printed on standard output, which on an
// error is what it printed until then. The error is a *MissingError if the tool
// is not installed, and else an *Error.
//
// The tool and everything that it started and that stayed in its process group
// are killed when ctx ends or the time is over. A tool that was killed may have
// done a part of its work. One whose hardenctl is killed goes on, and keeps the
// file of Hold open.
func Run(ctx context.Context, c Command) (stdout []byte, err error) {
	stdout, _, err = RunWithWords(ctx, c)
	return stdout, err
}

// RunWithWords is Run for a tool whose standard error matters although it
// succeeds: iptables-nft-save 1.8.9 warns there of tables that the legacy
// backend holds. The words are trimmed and without control characters.
func RunWithWords(ctx context.Context, c Command) (stdout []byte, words string, err error) {
	path, err := Find(c.Name)
	if err != nil {
		return nil, "", err
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{timeout})
	defer cancel()

	out := &bounded{limit: maxOutput, strict: true}
	said := &bounded{limit: MaxWords}
	cmd := c.process(ctx, path)
	cmd.Stdout, cmd.Stderr = out, said
	if err = cmd.Run(); endedInTime(err, cmd.ProcessState) {
		err = nil
	}
	words = clean(said.kept.Bytes())
	if out.exceeded {
		// The tool itself has only seen a broken pipe.
		err = errTooMuch
	}
	if err != nil {
		err = c.failure(ctx, cmd, err, words)
	}
	return out.kept.Bytes(), words, err
}

// endedInTime reports whether a tool has ended by itself, with success, although
// its time was over when this process looked. One that was stopped meanwhile, or
// that sleeps with its machine, sees the two at the same moment: os/exec then
// tells of the time. A tool that did not end in time was killed, and has no
// success.
func endedInTime(err error, state *os.ProcessState) bool {
	return errors.Is(err, context.DeadlineExceeded) && state != nil && state.Success()
}

// process prepares the run, in a process group of its own.
func (c Command) process(ctx context.Context, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Env = environment()
	cmd.Dir = "/"
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = killDelay
	if f := held.Load(); f != nil {
		cmd.ExtraFiles = []*os.File{f}
	}
	return cmd
}

var held atomic.Pointer[os.File]

// Hold has every tool that starts from now on keep a file open, and nil ends
// that. With the file of a lock (flock), what was locked stays so for as long as
// a tool is at work, also when this process is killed: one that waits for the
// lock of xtables would change the rules when somebody else has changed them
// since. Killing it with its hardenctl would be worse: the legacy tools put back
// the counters of all rules, others' too, in a second call after the rules
// (libiptc, IPT_SO_SET_ADD_COUNTERS).
func Hold(f *os.File) { held.Store(f) }

// killGroup kills the process group that pid leads. A group that has ended in
// the meantime is not an error.
func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// bounded keeps the first limit bytes that are written to it. What goes beyond
// is refused if strict, and dropped otherwise. The buffer is not embedded: its
// ReadFrom would go round the limit.
type bounded struct {
	kept     bytes.Buffer
	limit    int
	strict   bool
	exceeded bool
}

var errTooMuch = errors.New("printed too much output, and was stopped")

// Write keeps what there is room for.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	b.exceeded = true
	b.kept.Write(p[:room])
	if b.strict {
		return room, errTooMuch
	}
	return len(p), nil
}
