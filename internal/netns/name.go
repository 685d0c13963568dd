package netns

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Name is the kernel's name for the network namespace of the calling thread,
// such as "net:[4026531840]": the number of an inode of nsfs, which no other
// namespace has while this one lives (namespaces(7)). It is empty where /proc
// does not tell.
func Name() string {
	name, _ := os.Readlink("/proc/thread-self/ns/net")
	return name
}

// OfInit reports whether that is the namespace of process 1, in which the
// services of the machine run. Where it cannot be told, as where a container
// forbids it, it is taken for it.
func OfInit() bool {
	first, err := os.Readlink("/proc/1/ns/net")
	return err != nil || first == Name()
}

// Alive reports whether there is still a namespace of that name, as far as can be
// seen from here: because a process is in it, or `ip netns` keeps it.
func Alive(name string) bool {
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net") // the pattern is good
	for _, link := range links {
		if there, err := os.Readlink(link); err == nil && there == name {
			return true
		}
	}
	kept, _ := filepath.Glob("/run/netns/*")
	for _, path := range kept {
		if mounted(path) == name {
			return true
		}
	}
	return false
}

// mounted is the name of the namespace that is mounted on a file; empty if none
// is.
func mounted(path string) string {
	var system unix.Statfs_t
	var file unix.Stat_t
	if unix.Statfs(path, &system) != nil || system.Type != unix.NSFS_MAGIC || unix.Stat(path, &file) != nil {
		return ""
	}
	return fmt.Sprintf("net:[%d]", file.Ino)
}
