package faults

import (
	endian "encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"golang.org/x/sys/unix"
)

// clockVariable names, to the process that moves a clock, the file that says by
// how many seconds.
const clockVariable = "HARDENCTL_TEST_CLOCK"

// clock is the clock of the wall as the commands of a test see it. The machine's
// own is never set.
//
// The kernel tells the time without a system call, from a page that it puts into
// each process (vdso(7)), so that nothing can come between. A program that is not
// told where that page is asks by system calls, and those a tracer can answer.
type clock struct{ path string }

func newClock(t *testing.T) clock {
	t.Helper()
	c := clock{filepath.Join(t.TempDir(), "clock")}
	c.jump(t, 0)
	return c
}

// jump moves the clock, also for commands that run, to as far from the machine's
// as said.
func (c clock) jump(t *testing.T, by time.Duration) {
	t.Helper()
	beside := c.path + ".new"
	require.NoError(t, os.WriteFile(beside, []byte(strconv.Itoa(int(by.Seconds()))), 0o600))
	require.NoError(t, os.Rename(beside, c.path))
}

// command is a command that lives by the clock, and so do those that it starts,
// until it has ended.
func (c clock) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"-test.run=^TestToLiveByAClock$", "--", name}, args...)...)
	cmd.Env = append(os.Environ(), clockVariable+"="+c.path)
	return cmd
}

// TestToLiveByAClock is the tracer. By itself it does nothing.
func TestToLiveByAClock(t *testing.T) {
	path := os.Getenv(clockVariable)
	if path == "" {
		return
	}
	line := os.Args[1:]
	for line[0] != "--" {
		line = line[1:]
	}
	os.Unsetenv(clockVariable)
	runtime.LockOSThread() // the kernel knows tracers by thread
	cmd := exec.Command(line[1], line[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	askTracer()
	require.NoError(t, cmd.Start())
	os.Exit(tracer{path}.follow(cmd.Process.Pid))
}

// askTracer has the kernel stop whatever this thread starts from now on when it
// asks for the time of the wall, and at no other call, which would take long
// (seccomp(2)).
func askTracer() {
	const call, argument = 0, 16 // where they are (struct seccomp_data)
	load, equal := uint16(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS), uint16(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K)
	program := []unix.SockFilter{
		{Code: load, K: call},
		{Code: equal, K: unix.SYS_CLOCK_GETTIME, Jf: 3},
		{Code: load, K: argument},
		{Code: equal, K: unix.CLOCK_REALTIME, Jf: 1},
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_TRACE},
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		check(errno)
	}
}

// tracer answers what processes ask the kernel about the time.
type tracer struct{ path string }

const traceAll = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK

// follow lets a process run, which has stopped at the start of its program, and
// all that it starts, until it ends. It returns its exit code.
func (r tracer) follow(leader int) int {
	var status unix.WaitStatus
	if _, err := unix.Wait4(leader, &status, unix.WALL, nil); err != nil {
		panic(err)
	}
	hideVDSO(leader)
	check(unix.PtraceSetOptions(leader, traceAll))
	check(unix.PtraceCont(leader, 0))
	for {
		pid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			panic(err)
		case !status.Stopped():
			if pid == leader {
				return status.ExitStatus()
			}
		default:
			r.stopped(pid, status)
		}
	}
}

// stopped looks at a process that is still, and lets it go on, until the call
// returns if it has just begun one. An error is of one that was killed meanwhile.
func (r tracer) stopped(pid int, status unix.WaitStatus) {
	const inCall = unix.SIGTRAP | 0x80 // PTRACE_O_TRACESYSGOOD
	switch signal := status.StopSignal(); {
	case status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		_ = unix.PtraceSyscall(pid, 0)
		return
	case signal == inCall:
		r.answer(pid)
	case status.TrapCause() == unix.PTRACE_EVENT_EXEC:
		hideVDSO(pid)
	case signal != unix.SIGTRAP && signal != unix.SIGSTOP: // an event, or a process that begins
		_ = unix.PtraceCont(pid, int(signal))
		return
	}
	_ = unix.PtraceCont(pid, 0)
}

// answer moves the time that a call has returned.
func (r tracer) answer(pid int) {
	var regs unix.PtraceRegs
	err := unix.PtraceGetRegs(pid, &regs)
	if err != nil || regs.Orig_rax != unix.SYS_CLOCK_GETTIME || regs.Rdi != unix.CLOCK_REALTIME || regs.Rax != 0 {
		return
	}
	text, err := os.ReadFile(r.path)
	check(err)
	by, err := strconv.Atoi(string(text))
	check(err)
	at, seconds := uintptr(regs.Rsi), make([]byte, 8)
	peek(pid, at, seconds)
	endian.LittleEndian.PutUint64(seconds, endian.LittleEndian.Uint64(seconds)+uint64(by))
	_, err = unix.PtracePokeData(pid, at, seconds)
	check(err)
}

// hideVDSO has a program that is about to run not find the page. On the stack
// are the number of arguments, the arguments, the environment, each with a 0
// at its end, and pairs of numbers that tell of the process (getauxval(3)).
func hideVDSO(pid int) {
	const ignore, vdso = 1, 33 // AT_IGNORE, AT_SYSINFO_EHDR
	var regs unix.PtraceRegs
	check(unix.PtraceGetRegs(pid, &regs))
	at := uintptr(regs.Rsp) + 8
	for zeros := 0; zeros < 2; at += 8 {
		if word(pid, at) == 0 {
			zeros++
		}
	}
	for ; word(pid, at) != 0; at += 16 {
		if word(pid, at) == vdso {
			_, err := unix.PtracePokeData(pid, at, endian.LittleEndian.AppendUint64(nil, ignore))
			check(err)
		}
	}
}

func word(pid int, at uintptr) uint64 {
	var text [8]byte
	peek(pid, at, text[:])
	return endian.LittleEndian.Uint64(text[:])
}

func peek(pid int, at uintptr, out []byte) {
	_, err := unix.PtracePeekData(pid, at, out)
	check(err)
}

func check(err error) {
	if err != nil {
		panic("moving the clock of a process: " + err.Error())
	}
}

// The clock is moved for all programs that a command starts, for C and for Go,
// and jumps for one that runs.
func TestClock(t *testing.T) {
	c := newClock(t)
	c.jump(t, 24*time.Hour)
	out, code := run.Outcome(t, c.command("sh", "-c", "date +%s; "+run.Binary(t)+" --version; exit 7"))
	first, _, _ := strings.Cut(out, "\n")
	seconds, err := strconv.ParseInt(first, 10, 64)
	require.NoError(t, err)
	if ahead := time.Until(time.Unix(seconds, 0)); code != 7 || ahead < 23*time.Hour || ahead > 25*time.Hour {
		t.Errorf("exit %d; it is %v ahead: %s", code, ahead, out)
	}
}
