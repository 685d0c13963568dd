package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// Two environment variables go with a lab. The mark says that a process was
// started in one; its value is the network namespace that the lab was made
// from, such as "net:[4026531840]". The maker is the process that made the
// namespaces, by pid: its child is the one that runs prepareLab.
const (
	markVariable  = "HARDENCTL_LAB"
	makerVariable = "HARDENCTL_LAB_MAKER"
)

// namespaces are what a lab has for itself. With CLONE_NEWNS among its
// Unshareflags, syscall also makes every mount private, so that nothing
// mounted inside is seen outside.
const namespaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS

// ownNamespaces names the namespaces of the thread that asks.
const ownNamespaces = "/proc/thread-self/ns/"

// Runner is what a lab runs: a *testing.M, or a program of the caller's.
type Runner interface {
	// Run returns an exit code.
	Run() int
}

// Main runs m in a fresh lab and exits with its code. For that it starts the
// program that is running once more, with the same arguments and the same
// standard files, and passes signals on to it: what is before the call
// happens twice. Inside a lab, m joins that lab.
//
// Without the rights to make a lab it says so and exits 1: tests that need a
// lab fail then, and are never skipped.
//
//	func TestMain(m *testing.M) { lab.Main(m) }
func Main(m Runner) { os.Exit(runInLab(m)) }

// runInLab is Main, and returns the code.
func runInLab(m Runner) int {
	switch {
	case Inside() == nil:
		return m.Run()
	case os.Getenv(makerVariable) != strconv.Itoa(os.Getppid()):
		return runChild()
	}
	if err := settle(); err != nil {
		fmt.Fprintf(os.Stderr, "lab: cannot prepareLab the lab: %v\n%s", err, needs)
		return 1
	}
	watchTime()
	return m.Run()
}

const needs = `lab: a lab needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN; of containers, a privileged one), overlayfs, tmpfs and iproute2.
lab: tests that need no lab are those of ./compiler/... and ./golden/...
`

// Inside returns nil inside a lab, and otherwise an error that says what shows
// that this is none. A mark alone may have been inherited or typed: the network
// namespace must also be another than the one that the mark names, than that of
// process 1 (where that can be read: a container may forbid it), and be the one
// that the lab itself has noted on its /run.
func Inside() error {
	outer := os.Getenv(markVariable)
	if outer == "" {
		return fmt.Errorf("not in a lab: %s is not set", markVariable)
	}
	own, err := os.Readlink(ownNamespaces + "net")
	if err != nil {
		return fmt.Errorf("not known to be in a lab: %w", err)
	}
	if first, err := os.Readlink("/proc/1/ns/net"); own == outer || err == nil && own == first {
		return fmt.Errorf("not in a lab: %s is set, but %s is the machine's own network namespace", markVariable, own)
	}
	if noted, err := os.ReadFile(note); err != nil || string(noted) != own {
		return fmt.Errorf("not in a lab: %s is set, but %s does not name this network namespace, %s", markVariable, note, own)
	}
	return nil
}

// settle prepares the namespaces that the parent made for this process, once
// it is certain that they are not the parent's own.
func settle() error {
	parent := fmt.Sprintf("/proc/%d/ns/", os.Getppid())
	for _, kind := range []string{"net", "mnt"} {
		theirs, err := os.Readlink(parent + kind)
		if err != nil {
			return err
		}
		ours, err := os.Readlink(ownNamespaces + kind)
		if err != nil {
			return err
		}
		if ours == theirs {
			return fmt.Errorf("the new process is still in the %s namespace of the old one, %s", kind, ours)
		}
	}
	return prepareLab()
}

// runChild runs this program again in new namespaces and returns its exit code.
func runChild() int {
	cmd, err := child(os.Args[1:])
	if err == nil {
		cmd.Env = append(cmd.Env, until(beforeAlarm()))
		err = StartDaemon(cmd)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab: cannot make the namespaces: %v\n%s", err, needs)
		return 1
	}
	stop := passSignals(cmd.Process)
	err = cmd.Wait()
	stop()
	return exitCode(err)
}

// child is this program with other arguments, in new namespaces.
func child(args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	outer, err := os.Readlink(ownNamespaces + "net")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), markVariable+"="+outer, makerVariable+"="+strconv.Itoa(os.Getpid()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: namespaces}
	return cmd, nil
}

// passed are the signals that a lab gets from outside.
var passed = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// passSignals sends on to p what this process is asked, until stop is called.
func passSignals(p *os.Process) (stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, passed...)
	go func() {
		for s := range signals {
			p.Signal(s)
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}

// exitCode is the code for the end of a child as a shell gives it: 128 and the
// signal's number for one that a signal ended.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		fmt.Fprintf(os.Stderr, "lab: %v\n", err)
		return 1
	}
	if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// run runs a tool to its end; an error carries the tool's own words.
func run(name string, args ...string) error {
	return ended(exec.Command(name, args...))
}

func ended(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
