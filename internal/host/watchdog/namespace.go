package watchdog

import (
	"os"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// bySystemd reports whether a timer of systemd may end the trial: what it starts
// runs in the network namespace of process 1, and would look for the trial there.
// An apply by `ip netns exec` is in another, and so is the process that
// this program starts itself.
func bySystemd() bool {
	_, err := os.Stat(systemd)
	return err == nil && netns.OfInit()
}

// Notes says what a reader of a plan should know who has left the machine's own
// network namespace by `ip netns exec` or the like. In a container, process 1 is
// in the container's.
func Notes() []string {
	if _, err := os.Stat(systemd); err != nil || netns.OfInit() {
		return nil
	}
	return []string{"this is not the network namespace of process 1: hardenctl changes the rules, sets and settings of this namespace, but the boot files of the machine. A process in this namespace ends a trial, not a systemd timer"}
}
