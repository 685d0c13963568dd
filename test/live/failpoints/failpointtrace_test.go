package failpoints

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"golang.org/x/sys/unix"
)

// damage is what befalls hardenctl at a failpoint.
type damage string

// The kinds of damage. Where the point is a tool that hardenctl starts, dies and
// hangs are the tool's, and hardenctl is killed when the tool begins its work.
const (
	none  damage = ""
	kills damage = "kill"  // the process is gone before the call is made
	fails damage = "error" // the call is not made, and fails; a tool dies
	hangs damage = "hang"  // the call does not end; an answer of the kernel's does not come
)

// traced is a run of hardenctl under ptrace(2), which stops it at each of its
// failpoints. strace's injection would not do: it counts the calls of each thread,
// and those of a Go program go from thread to thread, so that "the third rename
// of the journal" is not a point that it knows.
type traced struct {
	// Points are those that it has come to, in order.
	Points []failpoint
	// Hung is closed when a call of hardenctl's own hangs. End ends it then.
	Hung chan struct{}
	// Ended is closed when it has ended, and what follows is known.
	Ended chan struct{}
	// Struck says that the damage was done, Left that a tool that hung was still
	// there at the end.
	Struck, Left bool
	Status       syscall.WaitStatus
	Out          string

	strike  func(failpoint) damage
	pid     int
	tasks   map[int]*task
	counted map[failpoint]int
	err     error
	// monitored says that the monitor of the runtime has begun.
	monitored bool
}

// task is a thread of hardenctl's, or a tool that it starts.
type task struct {
	tool    bool
	watched bool   // its calls are looked at
	answer  *int64 // what the call that was skipped returns
	held    bool   // it hangs, and is not gone on with
	awaited bool   // hardenctl waits for its end
}

// trace starts hardenctl in a login and asks at each point what shall happen. It
// is followed by a goroutine that keeps its thread: what ptrace(2) is told must
// come from the thread that began.
func trace(t *testing.T, login string, args []string, strike func(failpoint) damage) *traced {
	t.Helper()
	r := &traced{Hung: make(chan struct{}), Ended: make(chan struct{}), strike: strike,
		tasks: map[int]*task{}, counted: map[failpoint]int{}}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	cmd := exec.Command(run.Binary(t), args...)
	cmd.Env = append(os.Environ(), login)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			r.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			failed := r.follow()
			r.err = errors.Join(failed, r.err)
		}
		text, _ := os.ReadFile(out.Name())
		r.Out = string(text)
		out.Close()
		close(r.Ended)
	}()
	require.NoError(t, <-started)
	return r
}

// End kills hardenctl, if it has not ended, and waits for its end.
func (r *traced) End(t *testing.T) {
	t.Helper()
	syscall.Kill(r.pid, syscall.SIGKILL)
	r.wait(t)
}

// wait waits for the end, which no damage may put off for ever.
func (r *traced) wait(t *testing.T) {
	t.Helper()
	select {
	case <-r.Ended:
	case <-time.After(lab.Patience):
		syscall.Kill(r.pid, syscall.SIGKILL)
		<-r.Ended
		t.Errorf("it does not end:\n%s", r.Out)
	}
	if r.err != nil {
		t.Fatalf("tracing hardenctl: %v", r.err)
	}
}

// Code is the exit code; -1 if it was killed.
func (r *traced) Code() int { return r.Status.ExitStatus() }

const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
	unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// follow sees the process to its end.
func (r *traced) follow() error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.pid, &status, 0, nil); err != nil || !status.Stopped() {
		return fmt.Errorf("it does not stop: %v, %v", status, err)
	}
	if err := unix.PtraceSetOptions(r.pid, traceOptions); err != nil {
		return err
	}
	r.tasks[r.pid] = &task{watched: true}
	unix.PtraceSyscall(r.pid, 0)
	for {
		// Others of this process's children are other threads'.
		tid, err := syscall.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ECHILD):
			return nil
		case err != nil:
			return err
		case status.Stopped():
			r.stopped(tid, status)
		default:
			r.gone(tid, status)
		}
	}
}

// gone notes the end of a task. With hardenctl ends what hung.
func (r *traced) gone(tid int, status syscall.WaitStatus) {
	delete(r.tasks, tid)
	if tid != r.pid {
		return
	}
	r.Status = status
	for tid, task := range r.tasks {
		if task.tool {
			r.Left = r.Left || task.awaited
			unix.Kill(tid, unix.SIGKILL)
		}
	}
}

// stopped has a task that has stopped go on, in most cases.
func (r *traced) stopped(tid int, status syscall.WaitStatus) {
	task := r.task(tid)
	signal := status.StopSignal()
	switch {
	case signal == unix.SIGTRAP|0x80:
		r.atCall(tid, task)
		signal = 0
	case signal == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_EXEC:
		if r.begins(tid, task) {
			return
		}
		signal = 0
	case signal == unix.SIGTRAP, signal == unix.SIGSTOP:
		signal = 0 // an event, or a new task
	}
	switch {
	case task.held:
	case task.watched:
		unix.PtraceSyscall(tid, int(signal))
	default:
		unix.PtraceCont(tid, int(signal))
	}
}

// task returns what is known of a task; a new one is a tool unless it is a thread
// of hardenctl's. The first of these is the monitor of Go's runtime (sysmon), which
// sleeps and looks, thousands of times, and does nothing else.
func (r *traced) task(tid int) *task {
	if known := r.tasks[tid]; known != nil {
		return known
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	known := &task{tool: !strings.Contains(string(status), fmt.Sprintf("\nTgid:\t%d\n", r.pid))}
	known.watched = !known.tool && r.monitored
	r.monitored = r.monitored || !known.tool
	r.tasks[tid] = known
	return known
}

// begins lets a tool go its way, which is not looked at, unless it dies or hangs.
func (r *traced) begins(tid int, task *task) (left bool) {
	p := failpoint{Call: execCall, About: commandLine(tid)}
	switch r.come(&p) {
	case hangs:
		task.held, task.awaited = true, p.awaited()
		return false
	case fails:
		unix.Kill(tid, unix.SIGKILL)
		return false
	case kills: // the tool does its work, with no process to wait for it
		unix.Kill(r.pid, unix.SIGKILL)
	}
	delete(r.tasks, tid)
	unix.PtraceDetach(tid)
	return true
}

// come notes that a point has been come to, numbers it, and returns what befalls it.
func (r *traced) come(p *failpoint) damage {
	r.counted[*p]++
	p.Nth = r.counted[*p]
	r.Points = append(r.Points, *p)
	what := r.strike(*p)
	r.Struck = r.Struck || what != none
	return what
}

// syscallInfo is struct ptrace_syscall_info of linux/ptrace.h, as it is at the
// entry of a call.
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	_      uint32
	_, _   uint64
	number uint64
	args   [6]uint64
	_      uint64
}

// What op says.
const (
	atEntry = 1
	atExit  = 2
)

func readCall(tid int) (info syscallInfo) {
	unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	return info
}

// atCall looks whether a call is a failpoint, and does the damage.
func (r *traced) atCall(tid int, task *task) {
	info := readCall(tid)
	if info.op == atExit && task.answer != nil {
		setResult(tid, *task.answer)
		task.answer = nil
	}
	if info.op != atEntry {
		return
	}
	p, ok := pointAt(tid, info)
	if !ok {
		return
	}
	what := r.come(&p)
	r.damage(tid, task, p, what, info)
}

// damage is done to a call of hardenctl's own.
func (r *traced) damage(tid int, task *task, p failpoint, what damage, info syscallInfo) {
	switch {
	case what == none:
	case what == kills:
		unix.Kill(r.pid, unix.SIGKILL)
	case what == fails:
		r.skip(tid, task, -int64(p.failure()))
	case p.Call == netlinkCall: // it is not sent, and so there is no answer
		r.skip(tid, task, int64(info.args[2]))
	default:
		task.held = true
		close(r.Hung)
	}
}

// skip has a call not be made, and return an answer of ours.
func (r *traced) skip(tid int, task *task, answer int64) {
	if err := skipCall(tid); err != nil {
		r.err = errors.Join(r.err, err)
	}
	task.answer = &answer
}
