package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/nftables"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// shorewalls is a filter table in the form of shorewall 5.2.8, which leaves a chain of its
// name in each.
func shorewalls(chain string) state.State {
	return state.State{Tables: map[state.TableID]tablefile.Table{
		{Family: ruleset.V4, Name: "filter"}: {Name: "filter", Chains: []tablefile.Chain{
			{Name: "INPUT", Policy: "DROP", Rules: []tablefile.Rule{{Spec: "-i eth0 -j net-fw"}}},
			{Name: "net-fw", Policy: tablefile.UserPolicy, Rules: []tablefile.Rule{{Spec: "-j DROP"}}},
			{Name: chain, Policy: tablefile.UserPolicy}}},
	}}
}

// Each program is known by the files of its package, by what starts it at boot and by
// what it leaves in the kernel. What is installed and does not start is not named, nor
// is netfilter-persistent.
func TestPrograms(t *testing.T) {
	const wants = "etc/systemd/system/multi-user.target.wants/"
	foomuuri := []nftables.Table{{Family: "inet", Name: "foomuuri", Chains: []nftables.Chain{{Name: "input", Base: true, Hook: nftables.Input, Drops: true}}}}
	for _, c := range []struct {
		name, files string // paths, each with its text behind "="
		rule        string
		kernel      []nftables.Table
		says        []string
	}{
		{name: "nothing"},
		{name: "netfilter-persistent", files: wants + "netfilter-persistent.service lib/systemd/system/netfilter-persistent.service"},
		{name: "ferm", files: "usr/sbin/ferm lib/systemd/system/ferm.service etc/systemd/system/sysinit.target.wants/ferm.service",
			says: []string{"ferm will load its rules at boot (/etc/systemd/system/sysinit.target.wants/ferm.service)", "/etc/ferm/ferm.conf", "run systemctl disable ferm"}},
		{name: "ferm, without systemd", files: "usr/sbin/ferm etc/rcS.d/S18ferm", says: []string{"at boot (/etc/rcS.d/S18ferm)"}},
		{name: "ferm's script, where systemd has its unit", files: "usr/sbin/ferm lib/systemd/system/ferm.service etc/rcS.d/S18ferm"},
		{name: "ferm, switched off", files: "usr/sbin/ferm etc/default/ferm=ENABLED=no etc/systemd/system/sysinit.target.wants/ferm.service"},
		{name: "ferm, removed", files: "etc/ferm/ferm.conf etc/systemd/system/sysinit.target.wants/ferm.service"},
		{name: "ferm, masked", files: "usr/sbin/ferm etc/systemd/system/ferm.service=>/dev/null usr/lib/systemd/system/sysinit.target.wants/ferm.service"},
		{name: "ferm, started", files: "usr/sbin/ferm lib/systemd/system/ferm.service run/systemd/units/invocation:ferm.service",
			says: []string{"ferm is active (ferm.service)", "systemctl disable --now ferm"}},
		{name: "shorewall6", files: "lib/systemd/system/shorewall6.service etc/systemd/system/basic.target.wants/shorewall6.service",
			says: []string{"shorewall will load its rules at boot (/etc/systemd/system/basic.target.wants/shorewall6.service)", "systemctl disable shorewall6"}},
		{name: "shorewall's rules", rule: "shorewall", says: []string{"the rules of shorewall are active in IPv4 filter INPUT"}},
		{name: "rules of no program", rule: "other"},
		{name: "firehol", files: "usr/sbin/firehol etc/default/firehol=START_FIREHOL=YES " + wants + "firehol.service", says: []string{"firehol will load its rules at boot"}},
		{name: "firehol, as it is installed", files: "usr/sbin/firehol etc/default/firehol=START_FIREHOL=NO " + wants + "firehol.service"},
		{name: "foomuuri", files: "usr/lib/systemd/system/foomuuri.service " + wants + "foomuuri.service", says: []string{"foomuuri will load its rules at boot"}},
		{name: "foomuuri's table", kernel: foomuuri, says: []string{"the rules of foomuuri are active in the table inet foomuuri of nftables"}},
		{name: "csf", files: "usr/sbin/csf " + wants + "csf.service", says: []string{"csf will load its rules at boot", "run csf -x and systemctl disable --now lfd csf"}},
		{name: "awall", files: "usr/sbin/awall etc/runlevels/default/iptables", says: []string{"awall will load its rules at boot (/etc/runlevels/default/iptables)", "rc-update del iptables"}},
		{name: "OpenRC's own loader", files: "etc/runlevels/default/iptables"},
		{name: "nftables", files: "etc/systemd/system/sysinit.target.wants/nftables.service run/systemd/units/invocation:nftables.service",
			says: []string{"nftables will load its rules at boot", "run systemctl disable nftables; do not stop the unit"}},
		{name: "nftables, disabled and not yet stopped", files: "run/systemd/units/invocation:nftables.service"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range strings.Fields(c.files) {
				path, text, _ := strings.Cut(file, "=")
				if target, link := strings.CutPrefix(text, ">"); link {
					if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.Symlink(target, filepath.Join(root, path)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				plant(t, root, path, text)
			}
			have := state.State{}
			if c.rule != "" {
				have = shorewalls(c.rule)
			}
			found := others(root, c.kernel, have)
			if (len(found) > 0) != (c.says != nil) || len(found) > 1 {
				t.Fatalf("found %v", found)
			}
			for _, part := range c.says {
				if text := found[0].Seen + ": " + found[0].WayOut; !strings.Contains(text, part) {
					t.Errorf("%q lacks %q", text, part)
				}
			}
		})
	}
}
