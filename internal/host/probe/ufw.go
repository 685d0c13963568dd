package probe

import (
	"os"
	"path/filepath"
	"regexp"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Where ufw says whether it is to be active, and what loads its rules at boot.
// A package that was removed leaves the first behind.
const (
	ufwSwitch = "etc/ufw/ufw.conf"
	ufwLoader = "usr/lib/ufw/ufw-init"
)

var ufwEnabled = regexp.MustCompile(`(?mi)^\s*ENABLED\s*=\s*["']?yes\b`)

// ufw tells whether ufw is active, below a root: by its switch, which it
// follows at boot, or by its rules. "ufw disable" leaves jumps to empty chains
// until the next boot (0.36.2), which decide nothing.
func ufw(root string, have state.State) []plan.Rival {
	const (
		wayOut  = "add what you need from it to the profile (ufw status lists it), then run ufw disable"
		removed = "ufw itself is not installed any more: add what you need from its rules to the profile (iptables -S and ip6tables -S list them), then delete the rules of INPUT that jump to its chains, with iptables -D and ip6tables -D"
	)
	text, _ := safepath.ReadAny(filepath.Join(root, ufwSwitch)) // none: not installed
	_, err := os.Stat(filepath.Join(root, ufwLoader))
	where, live := jumpsTo(have, "ufw")
	if live && err != nil {
		return []plan.Rival{rival("rules left by ufw are active in "+where, removed)}
	}
	if live {
		return []plan.Rival{rival("the rules of ufw are active in "+where, wayOut)}
	}
	if err == nil && ufwEnabled.Match(text) {
		return []plan.Rival{rival("ufw is enabled and will load its rules at boot (/"+ufwSwitch+")", wayOut)}
	}
	return nil
}
