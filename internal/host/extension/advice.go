package extension

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/distro"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/here"
)

// modules returns the names of the kernel modules, each once.
func (e *MissingError) modules() []string {
	var names []string
	for _, x := range e.Extensions {
		if m := module(x, e.Family); m != "" && !slices.Contains(names, m) {
			names = append(names, m)
		}
	}
	return names
}

// module names the module of an extension; of those that IPv4 and IPv6 have each
// for itself the table knows IPv4's.
func module(x ruleset.Extension, family ruleset.Family) string {
	if x.Kind == tableKind {
		return map[ruleset.Family]string{ruleset.V4: "iptable_", ruleset.V6: "ip6table_"}[family] + x.Name
	}
	detail, _ := distro.Lookup(x)
	if rest, own := strings.CutPrefix(detail.Module, "ipt_"); own && family == ruleset.V6 {
		return "ip6t_" + rest
	}
	return detail.Module
}

// libraries are the names under which a library of iptables may be there.
func libraries(name string, family ruleset.Family) string {
	if family == ruleset.V6 {
		return "libxt_" + name + ".so or libip6t_" + name + ".so"
	}
	return "libxt_" + name + ".so or libipt_" + name + ".so"
}

// install says how to get what is missing.
func (e *MissingError) install() []string {
	if e.Kernel {
		return []string{e.installModule()}
	}
	return []string{"to install it" + libraryPackage(e.host)}
}

// Libraries says how to get back a library of iptables that is missing here.
func Libraries() string { return "to install it" + libraryPackage(here.Host()) }

func libraryPackage(host distro.Host) string {
	if p := host.Packages; p != nil {
		return fmt.Sprintf(" (%s): %s %s", p.Name, p.Install, p.Libraries)
	}
	return ": install the package with the libraries of iptables (iptables on Debian and Ubuntu, iptables-libs on RHEL)"
}

func (e *MissingError) installModule() string {
	modules := strings.Join(e.modules(), " ")
	k, p := e.host.Kernel, e.host.Packages
	switch {
	case k != nil && k.Release != "":
		return fmt.Sprintf("the kernel is from %s, and no distribution package adds this; a newer kernel may have it", k.Name)
	case k != nil && !slices.ContainsFunc(e.Extensions, func(x ruleset.Extension) bool { return !k.Lack(x) }):
		return fmt.Sprintf("the kernel of %s is built without this, and no package adds it", k.Name)
	case !e.shelf:
		return fmt.Sprintf("to install it: %s/%s is missing. After a kernel update, reboot. In a container, run on the machine: modprobe -a %s", modulesFolder, e.release, modules)
	case p != nil:
		return fmt.Sprintf("to install it (%s): %s %s && modprobe -a %s", p.Name, p.Install, p.Modules, modules)
	}
	return fmt.Sprintf("to install it: install the package with all modules of the kernel %s, then run modprobe -a %s", e.release, modules)
}

// without says how to do without, for each part that can.
func (e *MissingError) without() []string {
	if len(e.Origins) == 0 {
		return nil
	}
	var ways []string
	for _, x := range e.Extensions {
		detail, _ := distro.Lookup(x)
		for _, o := range e.Origins {
			if way := detail.WithoutIn(o.Part); way != "" && !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
		}
	}
	if len(ways) == 0 {
		return []string{"every profile needs it"}
	}
	return []string{"to avoid it: " + strings.Join(ways, "; ")}
}
