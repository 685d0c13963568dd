package lab

import (
	"os"
	"path/filepath"
	"syscall"
)

// ShowPackages shows the server the files of Debian packages that test/scripts/unpack
// has put into folder, as if they were installed, until the end of the test.
// What they have below etc is copied to the server's /etc, and stays. marker is
// a file below /usr that they bring: where it is, they need not be shown.
func ShowPackages(t T, folder, marker string) {
	t.Helper()
	Require(t)
	folder, err := filepath.Abs(folder)
	must(t, err)
	if _, err := os.Stat(filepath.Join(folder, "usr", marker)); err != nil {
		t.Fatalf("%v: run make bin/%s, which unpacks it", err, filepath.Base(folder))
	}
	brought, err := filepath.Glob(folder + "/etc/*")
	must(t, err)
	must(t, run("cp", append(append([]string{"-a"}, brought...), "/etc/")...))
	if _, err := os.Stat(filepath.Join("/usr", marker)); err == nil {
		return
	}
	must(t, mount("overlay", "/usr", "overlay", "lowerdir="+folder+"/usr:/usr"))
	t.Cleanup(func() { must(t, syscall.Unmount("/usr", syscall.MNT_DETACH)) })
}
