package failpoints

import (
	byteorder "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// failpoint is a moment of a run: before a system call to disk, before a message
// to the kernel, or as a tool begins. A run finds them by itself, so that a call
// that is added later is one.
type failpoint struct {
	Call  string // such as "fsync"
	About string // a path, a command and its set, or a tool and its arguments
	Nth   int    // counts calls alike, from 1
}

// The calls that are not system calls to disk.
const (
	netlinkCall = "netlink"
	execCall    = "exec"
)

// awaited reports whether hardenctl ends a tool that hangs: not itself as the
// watchdog of a trial, for which no process waits, nor the tool that go-iptables asks
// for its version once more, which hardenctl cannot reach.
func (p failpoint) awaited() bool {
	return p.About != "exe revert --at-deadline" && (p.About != "iptables --version" || p.Nth%2 == 1)
}

// String names the point, as a subtest.
func (p failpoint) String() string { return fmt.Sprintf("%s %s %d", p.Call, p.About, p.Nth) }

// failure is the error that a point has when it fails: what takes room finds none,
// and the rest of the disk is broken.
func (p failpoint) failure() syscall.Errno {
	switch p.Call {
	case netlinkCall:
		return unix.ENOBUFS
	case "write", "mkdirat", "linkat", "create":
		return unix.ENOSPC
	}
	return unix.EIO
}

// diskCall says which arguments of a call to disk tell what it is about: a file
// descriptor, or a folder's and a path in it.
type diskCall struct {
	name     string
	fd, path int // -1 for none
}

var diskCalls = map[uint64]diskCall{
	unix.SYS_WRITE: {"write", 0, -1}, unix.SYS_PWRITE64: {"write", 0, -1},
	unix.SYS_FSYNC: {"fsync", 0, -1}, unix.SYS_FDATASYNC: {"fsync", 0, -1},
	unix.SYS_FTRUNCATE: {"ftruncate", 0, -1}, unix.SYS_FALLOCATE: {"fallocate", 0, -1},
	unix.SYS_FCHMOD: {"fchmod", 0, -1}, unix.SYS_FCHOWN: {"fchown", 0, -1},
	unix.SYS_OPENAT: {"open", 0, 1}, unix.SYS_MKDIRAT: {"mkdirat", 0, 1},
	unix.SYS_UNLINKAT: {"unlinkat", 0, 1}, unix.SYS_FCHMODAT: {"fchmodat", 0, 1}, unix.SYS_FCHOWNAT: {"fchownat", 0, 1},
	unix.SYS_RENAMEAT: {"renameat", 2, 3}, unix.SYS_RENAMEAT2: {"renameat", 2, 3},
	unix.SYS_LINKAT: {"linkat", 2, 3}, unix.SYS_SYMLINKAT: {"symlinkat", 1, 2},
}

// pointAt returns the failpoint that a thread is at, without its number, if any.
func pointAt(tid int, info syscallInfo) (p failpoint, ok bool) {
	if info.number == unix.SYS_SENDTO {
		about := messageName(tid, info)
		return failpoint{Call: netlinkCall, About: about}, about != ""
	}
	c, toDisk := diskCalls[info.number]
	if !toDisk {
		return p, false
	}
	path := c.about(tid, info)
	p = failpoint{Call: c.name, About: grouped(path)}
	if c.name != "open" {
		return p, changes(path)
	}
	flags := info.args[2]
	if flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC) != 0 {
		p.Call = "create"
		return p, changes(path)
	}
	return p, ours(path)
}

// changes reports whether a path is one of a file or a setting: not a pipe, a
// device, or the output of the command, which the test has put into a file.
func changes(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, os.TempDir()+"/") &&
		(!strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/proc/sys/"))
}

// ours reports whether a file is one that hardenctl writes, and reads.
func ours(path string) bool {
	for _, folder := range []string{"/var/lib/hardenctl", "/etc/iptables", "/etc/hardenctl", "/etc/sysctl.d", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/fail2ban", "/etc/systemd"} {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}

// grouped is a path, or for the many files of a bundle and of a generation that
// no program reads before all are there, one name for all.
func grouped(path string) string {
	for _, folder := range []string{"/var/lib/hardenctl/trial/bundle", "/var/lib/hardenctl/generations/.next"} {
		if strings.HasPrefix(path, folder+"/") {
			return folder + "/*"
		}
	}
	return path
}

// about is the path that a call is about.
func (c diskCall) about(tid int, info syscallInfo) string {
	name := ""
	if c.path >= 0 {
		name = readText(tid, info.args[c.path])
		if filepath.IsAbs(name) {
			return filepath.Clean(name)
		}
	}
	link := fmt.Sprintf("/proc/%d/fd/%d", tid, int32(info.args[c.fd]))
	if int32(info.args[c.fd]) == unix.AT_FDCWD {
		link = fmt.Sprintf("/proc/%d/cwd", tid)
	}
	folder, _ := os.Readlink(link)
	if name == "" {
		return folder
	}
	return filepath.Join(folder, name)
}

// commandLine is a tool that begins, with its arguments.
func commandLine(tid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", tid))
	words := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	words[0] = filepath.Base(words[0])
	return strings.Join(words, " ")
}

// native is the order of the bytes of numbers here.
var native = byteorder.NativeEndian

// ipsetCommands are the names of enum ipset_cmd (linux/netfilter/ipset/ip_set.h).
var ipsetCommands = []string{"", "protocol", "create", "destroy", "flush", "rename", "swap", "list", "save", "add", "del", "test", "header", "type", "get-byname", "get-byindex"}

// messageName names a message that is sent to the kernel by netlink, "" for what
// is sent elsewhere.
func messageName(tid int, info syscallInfo) string {
	const header, nfgen = 16, 4
	to := readBytes(tid, info.args[4], 2)
	text := readBytes(tid, info.args[1], min(int(info.args[2]), 128))
	if len(to) < 2 || native.Uint16(to) != unix.AF_NETLINK || len(text) < header {
		return ""
	}
	kind := native.Uint16(text[4:])
	command := int(kind & 0xff)
	if kind>>8 != unix.NFNL_SUBSYS_IPSET || command >= len(ipsetCommands) {
		return fmt.Sprintf("message %#x", kind)
	}
	return strings.TrimSpace("ipset " + ipsetCommands[command] + " " + setName(text[min(len(text), header+nfgen):]))
}

// setName finds the name of the set among the attributes of a message.
func setName(attributes []byte) string {
	const setNameAttribute = 2 // IPSET_ATTR_SETNAME
	for len(attributes) >= 4 {
		length, kind := int(native.Uint16(attributes)), native.Uint16(attributes[2:])
		if length < 4 || length > len(attributes) {
			return ""
		}
		if kind == setNameAttribute {
			return strings.TrimRight(string(attributes[4:length]), "\x00")
		}
		attributes = attributes[min(len(attributes), (length+3)&^3):]
	}
	return ""
}

// readBytes reads memory of a task that has stopped.
func readBytes(tid int, address uint64, length int) []byte {
	if address == 0 || length <= 0 {
		return nil
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return nil
	}
	defer memory.Close()
	text := make([]byte, length)
	n, _ := memory.ReadAt(text, int64(address))
	return text[:n]
}

// readText reads a text that ends with a zero. It may end with its page.
func readText(tid int, address uint64) string {
	const most, page = 512, 4096
	text := readBytes(tid, address, most)
	if len(text) < most {
		text = readBytes(tid, address, int(page-address%page))
	}
	before, _, _ := strings.Cut(string(text), "\x00")
	return before
}
