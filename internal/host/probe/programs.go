package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/nftables"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// program is another firewall that loads rules of its own, and what shows it. ufw and
// firewalld, which have switches of their own, are in ufw.go and firewalld.go.
// netfilter-persistent is none: it loads the files that hardenctl writes.
type program struct {
	name string
	// units are the systemd units that load its rules. A unit whose name is also that
	// of a script of /etc/init.d is started by that where there is no systemd.
	units []string
	// installed is a file that goes with its package; empty where the unit does.
	installed string
	// links are what else starts it at boot, as on OpenRC; patterns.
	links []string
	// decides says by a file whether the unit does anything; a zero one always does.
	decides fileSwitch
	// processes rewrite the rules while they run.
	processes []string
	// chain is one of filter that only this program makes, jump the beginning of one
	// to which it jumps from INPUT, and table one of nft.
	chain, jump, table string
	// stays says that the unit's end would empty the tables of everybody.
	stays  bool
	config string // where a person looks for what it opens
}

// fileSwitch is a setting in a file.
type fileSwitch struct {
	path string
	on   *regexp.Regexp // matches where the program is switched on
	off  *regexp.Regexp // matches where it is switched off
}

// programs are the packages of Debian 12 and 13, Alpine 3.20 (awall), RHEL 9 (foomuuri of
// EPEL), and csf 14, as they ship their units and files.
var programs = []program{
	{name: "ferm", units: []string{"ferm.service"}, installed: "usr/sbin/ferm", config: "/etc/ferm/ferm.conf",
		decides: fileSwitch{path: "etc/default/ferm", off: regexp.MustCompile(`(?mi)^\s*ENABLED\s*=\s*["']?no\b`)}},
	{name: "shorewall", units: []string{"shorewall.service", "shorewall6.service", "shorewall-lite.service", "shorewall6-lite.service"},
		chain: "shorewall", config: "/etc/shorewall/rules and /etc/shorewall6/rules"},
	{name: "firehol", units: []string{"firehol.service"}, installed: "usr/sbin/firehol", config: "/etc/firehol/firehol.conf",
		decides: fileSwitch{path: "etc/default/firehol", on: regexp.MustCompile(`(?m)^\s*START_FIREHOL\s*=\s*["']?YES\b`)}},
	{name: "foomuuri", units: []string{"foomuuri.service", "foomuuri-boot.service"}, table: "foomuuri", config: "/etc/foomuuri"},
	{name: "csf", units: []string{"csf.service", "lfd.service"}, installed: "usr/sbin/csf", processes: []string{"lfd"},
		jump: "LOCALINPUT", config: "/etc/csf/csf.conf, csf.allow and csf.deny"},
	{name: "awall", installed: "usr/sbin/awall", links: []string{"etc/runlevels/*/iptables", "etc/runlevels/*/ip6tables"},
		config: "awall list"},
	{name: "nftables", units: []string{"nftables.service"}, stays: true, config: "/etc/nftables.conf, or /etc/sysconfig/nftables.conf"},
}

// others tells which of the programs are active or start at the next boot, below a root.
func others(root string, kernel []nftables.Table, have state.State) (rivals []plan.Rival) {
	links := linksAtBoot(root)
	for _, p := range programs {
		if seen, now := p.seen(root, links, kernel, have); seen != "" {
			rivals = append(rivals, rival(seen, p.wayOut(root, now)))
		}
	}
	return rivals
}

// seen says what shows that a program is active, or will be at the next boot; empty if
// nothing does.
func (p program) seen(root string, links bootLinks, kernel []nftables.Table, have state.State) (seen string, now bool) {
	if where, live := p.live(kernel, have); live {
		return "the rules of " + p.name + " are active in " + where, true
	}
	if i := slices.IndexFunc(p.processes, runsHere); i >= 0 {
		return p.name + " is active (" + p.processes[i] + " is running)", true
	}
	if !p.present(root) {
		return "", false
	}
	for _, unit := range p.units {
		if !p.stays && isActive(root, unit) {
			return p.name + " is active (" + unit + ")", true
		}
	}
	if link := p.enabled(root, links); link != "" {
		return p.name + " will load its rules at boot (/" + link + ")", false
	}
	return "", false
}

// live returns where rules of the program are.
func (p program) live(kernel []nftables.Table, have state.State) (where string, live bool) {
	for _, t := range kernel {
		if p.table != "" && t.Name == p.table && (t.Decides() || closes(t) != "") {
			return "the table " + t.Family + " " + t.Name + " of nftables", true
		}
	}
	if p.jump != "" {
		if where, live = jumpsTo(have, p.jump); live {
			return where, true
		}
	}
	for _, family := range ruleset.Families {
		filter := have.Tables[state.TableID{Family: family, Name: "filter"}]
		if p.chain != "" && filter.Chain(p.chain) != nil && filter.Decides("INPUT") {
			return fmt.Sprintf("IPv%d filter INPUT", family), true
		}
	}
	return "", false
}

// present reports whether the package is installed and switched on.
func (p program) present(root string) bool {
	if _, err := os.Stat(filepath.Join(root, p.installed)); err != nil {
		return false
	}
	s := p.decides
	if s.path == "" {
		return true
	}
	text, _ := safepath.ReadAny(filepath.Join(root, s.path)) // none: as the program has it by default
	return (s.on == nil || s.on.Match(text)) && (s.off == nil || !s.off.Match(text))
}

// bootLinks are the first link by which systemd wants each unit at boot, by the unit's name, and
// the first by which init starts each script, by the script's.
type bootLinks struct{ units, scripts map[string]string }

// linksAtBoot reads the links below a root.
func linksAtBoot(root string) bootLinks {
	links := bootLinks{map[string]string{}, map[string]string{}}
	note := func(of map[string]string, pattern string, begin int) {
		for _, path := range all(root, pattern) {
			if name := filepath.Base(path)[begin:]; of[name] == "" {
				of[name] = path
			}
		}
	}
	note(links.units, "etc/systemd/system/*.wants/*", 0)
	note(links.units, "usr/lib/systemd/system/*.wants/*", 0)
	note(links.scripts, "etc/rc[S2345].d/S[0-9][0-9]*", len("S01"))
	return links
}

// enabled returns the link that starts the program at boot; empty if none does.
func (p program) enabled(root string, links bootLinks) string {
	for _, unit := range p.units {
		if target, err := os.Readlink(filepath.Join(root, "etc/systemd/system", unit)); err == nil && target == "/dev/null" {
			continue // masked
		}
		if link := links.units[unit]; link != "" {
			return link
		}
		if link := links.scripts[strings.TrimSuffix(unit, ".service")]; link != "" && !shipsUnit(root, unit) {
			return link
		}
	}
	for _, pattern := range p.links {
		if link := first(root, pattern); link != "" {
			return link
		}
	}
	return ""
}

// shipsUnit reports whether systemd has a unit of that name, and so takes no script of it.
func shipsUnit(root, unit string) bool {
	return slices.ContainsFunc([]string{"usr/lib/systemd/system", "lib/systemd/system"}, func(folder string) bool {
		_, err := os.Lstat(filepath.Join(root, folder, unit))
		return err == nil
	})
}

// first returns the first path that a pattern matches, below a root.
func first(root, pattern string) string {
	if found := all(root, pattern); len(found) > 0 {
		return found[0]
	}
	return ""
}

// all returns the paths that a pattern matches, below a root.
func all(root, pattern string) (paths []string) {
	found, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are good
	for _, path := range found {
		if below, err := filepath.Rel(root, path); err == nil {
			paths = append(paths, below)
		}
	}
	return paths
}

// isActive reports whether systemd has started a unit and not stopped it: it keeps a link
// for as long (systemd 240, unit_unlink_state_files).
func isActive(root, unit string) bool {
	_, err := os.Lstat(filepath.Join(root, "run/systemd/units/invocation:"+unit))
	return err == nil
}

// wayOut says what to do about the program.
func (p program) wayOut(root string, now bool) string {
	move := "add what you need from it to the profile (" + p.config + "), then "
	switch {
	case p.name == "awall":
		return move + "run rc-update del iptables and rc-update del ip6tables, and remove awall"
	case p.stays:
		return move + "run systemctl disable nftables; do not stop the unit: that flushes all tables, also those of iptables and Docker. Tables of your own that you need beside hardenctl: load them by a unit of their own, from a file without \"flush ruleset\""
	case p.name == "csf":
		return move + "run csf -x and systemctl disable --now lfd csf"
	case now:
		return move + "run systemctl disable --now " + p.unitNames(root) + "; delete the rules that it leaves (iptables -S lists them)"
	}
	return move + "run systemctl disable " + p.unitNames(root)
}

// unitNames are those units for a command that there are.
func (p program) unitNames(root string) string {
	var names []string
	for _, unit := range p.units {
		if shipsUnit(root, unit) {
			names = append(names, strings.TrimSuffix(unit, ".service"))
		}
	}
	if names == nil {
		names = []string{p.name}
	}
	return strings.Join(names, " ")
}

// isOfProgram reports whether a table of nft is one that such a program makes.
func isOfProgram(t nftables.Table) bool {
	return slices.ContainsFunc(programs, func(p program) bool { return p.table != "" && p.table == t.Name })
}
