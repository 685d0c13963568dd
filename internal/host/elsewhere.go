package host

import (
	"fmt"

	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// ElsewhereError is the error of a command that an apply in another network
// namespace blocks: what is on trial there cannot be ended from here.
type ElsewhereError struct {
	Profile, Namespace string
}

// Error names the namespace, and says how to get there.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("an apply of %s is under way in another network namespace, %s: confirm or revert it there (`lsns -t net` shows who is in it, `ip netns exec` or `nsenter -n` leads there), or wait until it has ended", e.Profile, e.Namespace)
}

// elsewhere returns an *ElsewhereError if an apply is under way in another
// network namespace than ours, in which anybody still is. One that has gone, as
// that of a container that was started again, has taken its rules, sets and
// settings along; so has a boot.
func elsewhere(e journal.Entry) error {
	if !e.Rebooted() && e.Elsewhere() && e.NamespaceLives() {
		return &ElsewhereError{e.Profile, e.Namespace}
	}
	return nil
}
