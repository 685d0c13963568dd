package lab

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// StartDaemon starts a program that the kernel kills when this process ends, however
// it ends. It starts in the network namespace of the process, also where the caller is
// in Host.Do: use Host.Command for another. The caller waits for the program.
func StartDaemon(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error)
	lastingThread() <- func() { started <- cmd.Start() }
	return <-started
}

// lastingThread runs functions on a thread that lasts as long as the process. The
// kernel sends Pdeathsig when the thread that started the program ends (prctl(2)), and
// threads do end: that of each function in netns.Space.Do does.
var lastingThread = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})
