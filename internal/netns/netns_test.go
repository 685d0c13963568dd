package netns_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// atStart is the main thread's network namespace before any test ran.
var atStart, _ = os.Readlink("/proc/self/ns/net")

// needRoot skips a test that makes namespaces where that is not allowed.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
}

// current names the network namespace of the calling thread.
func current(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestThrowawayIsAnotherNamespace(t *testing.T) {
	needRoot(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := current(t)
	var inside, child string
	err := netns.Throwaway(func() error {
		inside = current(t)
		out, err := exec.Command("/usr/bin/readlink", "/proc/self/ns/net").Output()
		child = strings.TrimSpace(string(out))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if inside == before {
		t.Errorf("f ran in the caller's namespace %s", before)
	}
	if child != inside {
		t.Errorf("a child of f is in %s, f in %s", child, inside)
	}
	if after := current(t); after != before {
		t.Errorf("the caller was in %s and is in %s", before, after)
	}
}

func TestThrowawayHasLoopbackOnly(t *testing.T) {
	needRoot(t)
	err := netns.Throwaway(func() error {
		links, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, link := range links {
			if up := link.Flags&net.FlagUp != 0; up != (link.Name == "lo") {
				t.Errorf("%s: up is %v", link.Name, up)
			}
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return listener.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestThrowawayReportsHowTheFunctionEnded(t *testing.T) {
	needRoot(t)
	refused := errors.New("refused")
	for _, c := range []struct {
		name string
		f    func() error
		want string
	}{
		{"an error", func() error { return refused }, "refused"},
		{"a panic", func() error { panic("at the disco") }, "at the disco"},
		{"a goroutine that ends", func() error { runtime.Goexit(); return nil }, "ended its goroutine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := netns.Throwaway(c.f)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// A thread that was given up must not serve other goroutines.
func TestThrowawayLeavesNoThreadBehind(t *testing.T) {
	needRoot(t)
	var inside string
	if err := netns.Throwaway(func() error { inside = current(t); return nil }); err != nil {
		t.Fatal(err)
	}
	// All at once, so that they need every thread that there is.
	var all sync.WaitGroup
	looked := make(chan struct{})
	names := make(chan string, 50)
	for range cap(names) {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			name, _ := os.Readlink("/proc/thread-self/ns/net")
			names <- name
			<-looked
		}()
	}
	for range cap(names) {
		if name := <-names; name == inside {
			t.Errorf("a later goroutine ran in the throwaway namespace %s", name)
		}
	}
	close(looked)
	all.Wait()
}

// The main thread cannot end, so a namespace given to it would stay, and
// /proc/self would show it to the whole process.
func TestThrowawayNeverTakesTheMainThread(t *testing.T) {
	needRoot(t)
	// All at once, so that they need every thread that there is.
	var all, inside sync.WaitGroup
	inside.Add(20)
	for range 20 {
		all.Add(1)
		go func() {
			defer all.Done()
			err := netns.Throwaway(func() error {
				inside.Done()
				inside.Wait()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	if after, _ := os.Readlink("/proc/self/ns/net"); after != atStart {
		t.Errorf("the main thread moved from %s to %s", atStart, after)
	}
}
