package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hardenctl/hardenctl/internal/wire"
)

// scratch is where the upper layers of the overlays lie, on the lab's own /run.
const scratch = "/run/hardenctl-lab"

// note holds the name of the lab's network namespace.
const note = scratch + "/namespace"

// overlaid are the folders that a lab may write to without the machine's being
// changed. /var/lib is for /var/lib/hardenctl, which need not exist.
var overlaid = []string{"/etc", "/var/lib"}

// prepareLab turns the fresh namespaces of this process into a lab.
func prepareLab() error {
	syscall.Umask(0o022) // root's own: hardenctl refuses what others may write
	if err := mount("tmpfs", "/run", "tmpfs", "mode=0755"); err != nil {
		return err
	}
	for _, dir := range overlaid {
		if err := overlay(dir); err != nil {
			return err
		}
	}
	if err := renewSys(); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte("lab")); err != nil {
		return fmt.Errorf("sethostname: %w", err)
	}
	if err := prepareInterfaces(); err != nil {
		return err
	}
	own, err := os.Readlink(ownNamespaces + "net")
	if err != nil {
		return err
	}
	return os.WriteFile(note, []byte(own), 0o444)
}

// overlay lets dir be written to; what is written stays in memory.
func overlay(dir string) error {
	name := filepath.Base(dir)
	upper := filepath.Join(scratch, name)
	work := filepath.Join(scratch, name+".work")
	for _, folder := range []string{upper, work} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return mount("overlay", dir, "overlay", "lowerdir="+dir+",upperdir="+upper+",workdir="+work)
}

// renewSys mounts a sysfs that shows the lab's interfaces; the old one goes on
// showing the machine's. The control groups below it are kept.
func renewSys() error {
	fresh := filepath.Join(scratch, "sys")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	if err := mount("sysfs", fresh, "sysfs", ""); err != nil {
		return err
	}
	const groups = "/sys/fs/cgroup"
	if err := syscall.Mount(groups, scratch+groups, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bind %s: %w", groups, err)
	}
	if err := syscall.Mount(fresh, "/sys", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the new sysfs to /sys: %w", err)
	}
	return nil
}

func mount(source, target, kind, options string) error {
	if err := syscall.Mount(source, target, kind, 0, options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", kind, target, err)
	}
	return nil
}

// prepareInterfaces brings the loopback up, and lets IPv6 addresses be used at
// once: duplicate address detection takes one to two seconds for each.
func prepareInterfaces() error {
	if err := wire.Up("lo"); err != nil {
		return err
	}
	for _, scope := range []string{"all", "default"} {
		// Per namespace; missing when the kernel runs without IPv6.
		path := "/proc/sys/net/ipv6/conf/" + scope + "/accept_dad"
		if err := os.WriteFile(path, []byte("0"), 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
