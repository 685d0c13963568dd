package probe

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/nftables"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/process"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// firewalldLinks are what systemd starts firewalld by: at boot, or when
// somebody asks for it on D-Bus.
var firewalldLinks = []string{
	"etc/systemd/system/multi-user.target.wants/firewalld.service",
	"etc/systemd/system/dbus-org.fedoraproject.FirewallD1.service",
}

// firewalld tells whether firewalld is active: by its process, which rewrites
// its rules whenever it likes, by its rules, or, below a root, by what starts it.
func firewalld(root string, kernel []nftables.Table, have state.State) []plan.Rival {
	const wayOut = "add what you need from it to the profile (firewall-cmd --list-all-zones lists it), then run systemctl disable --now firewalld"
	if runsHere("firewalld") {
		return []plan.Rival{rival("firewalld is running", wayOut)}
	}
	for _, t := range kernel {
		if isFirewalld(t) && (t.Decides() || closes(t) != "") {
			return []plan.Rival{rival("the rules of firewalld are active in the table "+t.Family+" "+t.Name+" of nftables", wayOut+", and nft delete table "+t.Family+" "+t.Name)}
		}
	}
	if where, live := jumpsTo(have, "INPUT_ZONES"); live {
		return []plan.Rival{rival("the rules of firewalld are active in "+where, wayOut)}
	}
	for _, link := range firewalldLinks {
		if _, err := os.Lstat(filepath.Join(root, link)); err == nil {
			return []plan.Rival{rival("firewalld will start at boot (/"+link+")", wayOut)}
		}
	}
	return nil
}

// isFirewalld reports whether a table is one that firewalld makes: one called
// firewalld, in families that depend on its version.
func isFirewalld(t nftables.Table) bool { return t.Name == "firewalld" }

// runsHere reports whether a program of that name runs in the network namespace
// of the calling thread: those of containers are not this host's.
func runsHere(name string) bool {
	here, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return false
	}
	pids, _ := process.All(proc) // none: nothing can be seen
	for _, pid := range pids {
		folder := filepath.Join(proc, strconv.Itoa(pid))
		comm, err := os.ReadFile(filepath.Join(folder, "comm"))
		if err != nil || strings.TrimSpace(string(comm)) != name {
			continue
		}
		if there, err := os.Readlink(filepath.Join(folder, "ns/net")); err == nil && there == here {
			return true
		}
	}
	return false
}
