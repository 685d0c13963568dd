package netns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Space is a network namespace in which several functions run, one after the
// other or at once. One of New begins with the loopback interface alone, which is
// up, like that of Throwaway.
type Space struct{ file *os.File }

// New makes a namespace. It lasts until Close, and then for as long as a
// process or a socket is in it.
func New() (*Space, error) {
	s := &Space{}
	err := Throwaway(func() (err error) {
		s.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NewNamed is New, of a namespace that `ip netns exec` finds under its name, until
// RemoveName. It mounts in the mount namespace of the calling thread.
func NewNamed(name string) (*Space, error) {
	s, err := New()
	if err != nil {
		return nil, err
	}
	if err := s.keepAs(name); err != nil {
		s.Close()
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	return s, nil
}

// folder is where iproute2 looks for namespaces by their names.
const folder = "/run/netns/"

func (s *Space) keepAs(name string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := shareFolder(); err != nil {
		return fmt.Errorf("mount %s: %w", folder, err)
	}
	file, err := os.OpenFile(folder+name, os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	file.Close()
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", s.FD()), folder+name, "", unix.MS_BIND, ""); err != nil {
		return errors.Join(fmt.Errorf("mount: %w", err), os.Remove(folder+name))
	}
	return nil
}

// shareFolder makes the folder a mount of its own, whose mounts are seen in copies of this
// mount namespace, as `ip netns add` does. Were that to do it later, the names that are
// there already would be mounted twice, once out of reach.
func shareFolder() error {
	err := unix.Mount("", folder, "none", unix.MS_SHARED|unix.MS_REC, "")
	if err != unix.EINVAL {
		return err
	}
	if err := unix.Mount(folder, folder, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("", folder, "none", unix.MS_SHARED|unix.MS_REC, "")
}

// RemoveName takes its name from a namespace, which ends with its last process.
func RemoveName(name string) error {
	if err := unix.Unmount(folder+name, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("network namespace %s: unmount: %w", name, err)
	}
	return os.Remove(folder + name)
}

// Named returns the namespace of a name.
func Named(name string) (*Space, error) { return Open(folder + name) }

// Open returns the namespace that a file stands for, such as /proc/PID/ns/net.
func Open(path string) (*Space, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Space{file}, nil
}

// Do runs f in the namespace, by the rules of Throwaway: on a thread of its
// own, where f must stay. A socket belongs to the namespace of the thread that
// made it, for as long as it lives, and may be used anywhere; net makes the
// socket for a numeric address on the goroutine that dials or listens.
func (s *Space) Do(f func() error) error { return apart(s.enter, f) }

func (s *Space) enter() error {
	if err := unix.Setns(s.FD(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot enter a network namespace: %w", err)
	}
	return nil
}

// FD is the file descriptor that stands for the namespace, as netlink takes it.
// It is closed by Close.
func (s *Space) FD() int { return int(s.file.Fd()) }

// Close releases the namespace.
func (s *Space) Close() error { return s.file.Close() }
