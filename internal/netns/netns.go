// Package netns runs functions in network namespaces made for them alone.
//
// A network namespace belongs to an OS thread, not to a process. Throwaway
// therefore gives the function a thread of its own, and the thread ends with
// the function: nothing else in the process ever sees the namespace, and the
// kernel frees it, with its rules, sets and links, when the last process and
// socket in it are gone. A Space is one that several functions share.
//
// Only the network is new. /proc/sys/net and /proc/thread-self/net show the
// namespace of the thread that reads them, but /proc/net shows that of the main
// thread, and /sys that for which it was mounted: neither is to be relied on.
// Files such as /run/xtables.lock are shared too.
package netns

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Throwaway runs f in a fresh network namespace in which only the loopback
// interface exists, and is up. It returns what f returns; a panic in f comes
// back as an error with its stack, a runtime.Goexit as an error too.
//
// f runs on a locked thread and must stay there: a goroutine that f starts is
// in another namespace, while a process that f starts inherits this one. The
// calling goroutine waits and stays where it is.
//
// Making a namespace needs CAP_SYS_ADMIN.
func Throwaway(f func() error) error { return apart(enterFresh, f) }

// apart runs f on a thread that ends with it, once enter has taken the thread
// to where it belongs.
func apart(enter, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end: it would keep the namespace, and
			// /proc/self would show it. Held here, it cannot be taken again.
			done <- apart(enter, f)
			runtime.UnlockOSThread()
			return
		}
		err := errExited
		defer func() { done <- err }()
		err = inside(enter, f)
		// Never unlocked: the runtime ends a thread whose goroutine ends
		// locked, so that the namespace does not come back in the scheduler.
	}()
	return <-done
}

func inside(enter, f func() error) error {
	if err := enter(); err != nil {
		return err
	}
	return guarded(f)
}

// enterFresh moves the calling thread into a new namespace for good.
func enterFresh() error {
	if err := unshare(); err != nil {
		return err
	}
	return loopbackUp()
}

func unshare() error {
	err := unix.Unshare(unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("cannot make a network namespace: %w: needs root (CAP_SYS_ADMIN)", err)
	}
	if err != nil {
		return fmt.Errorf("cannot make a network namespace: %w", err)
	}
	return nil
}

// errExited is the answer for a function that ends its goroutine.
var errExited = errors.New("the function ended its goroutine (runtime.Goexit, t.FailNow or t.SkipNow) instead of returning")

// guarded runs f and turns a panic into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a network namespace: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// loopbackUp sets IFF_UP on lo, which a new namespace has down.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot bring loopback up: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("cannot bring loopback up: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return fmt.Errorf("cannot read the flags of loopback: %w", err)
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("cannot bring loopback up: %w", err)
	}
	return nil
}
