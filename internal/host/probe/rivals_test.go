package probe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/nftables"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/netns"
)

// input is a host whose INPUT has one rule. Chains that it may jump to, and that
// only log, are there too.
func input(spec string) state.State {
	empty := []tablefile.Rule{{Spec: "-j LOG"}, {Spec: "-j RETURN"}}
	return state.State{Tables: map[state.TableID]tablefile.Table{
		{Family: ruleset.V6, Name: "filter"}: {Name: "filter", Chains: []tablefile.Chain{
			{Name: "INPUT", Policy: "ACCEPT", Rules: []tablefile.Rule{{Spec: spec}}},
			{Name: "ufw6-empty", Policy: tablefile.UserPolicy, Rules: empty}, {Name: "INPUT_ZONES_EMPTY", Policy: tablefile.UserPolicy, Rules: empty}}},
	}}
}

// plant writes a file below a root.
func plant(t *testing.T, root, path, text string) {
	t.Helper()
	full := filepath.Join(root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// Ufw is active if its switch says so and it is installed, or if its rules are.
func TestUFW(t *testing.T) {
	for _, c := range []struct {
		name, conf string
		installed  bool
		rule       string
		says       string
	}{
		{"nothing of it", "", false, "-j ACCEPT", ""},
		{"off", "# ENABLED=yes\nENABLED=no\n", true, "-j ACCEPT", ""},
		{"on", "ENABLED=yes\nLOGLEVEL=low\n", true, "-j ACCEPT", "ufw is enabled"},
		{"on, as a person writes", "  enabled = \"YES\"\n", true, "-j ACCEPT", "ufw is enabled"},
		{"removed, its file left", "ENABLED=yes\n", false, "-j ACCEPT", ""},
		{"its rules live", "", true, "-j ufw6-before-input", "the rules of ufw are active in IPv6 filter INPUT: add what you need from it to the profile (ufw status lists it), then run ufw disable"},
		{"removed, its rules left", "", false, "-j ufw6-before-input", "rules left by ufw are active in IPv6 filter INPUT: ufw itself is not installed any more"},
		{"its chains emptied, as ufw disable leaves them", "ENABLED=no\n", true, "-j ufw6-empty", ""},
		{"a comment of that name", "", false, `-m comment --comment "-j ufw6" -j ACCEPT`, ""},
	} {
		root := t.TempDir()
		plant(t, root, ufwSwitch, c.conf)
		if c.installed {
			plant(t, root, ufwLoader, "")
		}
		said := ""
		for _, r := range ufw(root, input(c.rule)) {
			said += r.Seen + ": " + r.WayOut
		}
		if !strings.Contains(said, c.says) || c.says == "" && said != "" {
			t.Errorf("%s: says %q, want %q", c.name, said, c.says)
		}
	}
}

// Firewalld is known by its rules, in either backend, and by what starts it.
func TestFirewalld(t *testing.T) {
	none, enabled := t.TempDir(), t.TempDir()
	plant(t, enabled, firewalldLinks[1], "")
	for _, c := range []struct {
		name, root, rule string
		kernel           []nftables.Table
		says             string
	}{
		{"nothing of it", none, "-j ACCEPT", []nftables.Table{{Family: "inet", Name: "f2b-table"}}, ""},
		{"its table", none, "-j ACCEPT", []nftables.Table{{Family: "inet", Name: "firewalld", Chains: []nftables.Chain{{Name: "x", Base: true, Hook: nftables.Input, Drops: true}}}}, "in the table inet firewalld of nftables"},
		{"its chains", none, "-j INPUT_ZONES", nil, "active in IPv6 filter INPUT"},
		{"its chains emptied", none, "-j INPUT_ZONES_EMPTY", nil, ""},
		{"its table emptied", none, "-j ACCEPT", []nftables.Table{{Family: "inet", Name: "firewalld", Chains: []nftables.Chain{{Name: "x", Base: true, Hook: nftables.Input}}}}, ""},
		{"enabled", enabled, "-j ACCEPT", nil, "firewalld will start at boot"},
	} {
		said := ""
		for _, r := range firewalld(c.root, c.kernel, input(c.rule)) {
			said += r.Seen
		}
		if !strings.Contains(said, c.says) || c.says == "" && said != "" {
			t.Errorf("%s: says %q, want %q", c.name, said, c.says)
		}
	}
}

// All that blocks an apply is named at once. A table that only drops what it
// knows is named in a note, and one that decides nothing is not named.
func TestRivals(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	tools := Tools{Backend: NFT, Families: families()}
	err := netns.Throwaway(func() error {
		shell(t, `nft add table inet f2b-table
nft add chain inet f2b-table input '{ type filter hook input priority -1; }'
nft add rule inet f2b-table input ip saddr 192.0.2.1 drop
nft add table inet emptied
nft add chain inet emptied own
nft add chain inet emptied input '{ type filter hook input priority -1; }'
nft add rule inet emptied input counter jump own
nft add table inet firewalld
nft add chain inet firewalld input '{ type filter hook input priority 10; }'`)
		rivals, notes, err := tools.Rivals(context.Background(), state.State{}, nil, nil)
		if err != nil || len(rivals) > 0 || len(notes) != 1 || !strings.Contains(notes[0], "inet f2b-table also filters packets") {
			t.Errorf("%v, %q, %v", rivals, notes, err)
		}
		shell(t, `nft add table inet mine
nft add chain inet mine input '{ type filter hook input priority 0; policy drop; }'
nft add table inet early
nft add chain inet early first '{ type filter hook ingress device lo priority 0; policy drop; }'
nft add table ip raw
nft add chain ip raw PREROUTING '{ type filter hook prerouting priority -300; }'
nft add rule ip raw PREROUTING accept
nft add rule inet firewalld input drop`)
		rivals, _, err = tools.Rivals(context.Background(), input("-j ufw6-before-input"), nil, nil)
		if err != nil || len(rivals) != 5 {
			t.Errorf("got %d rivals, want 5: %v, %v", len(rivals), rivals, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Of the backend that the tools do not use, what decides is a rival. Tables that
// were emptied are not, nor chains that nothing jumps to.
func TestOtherBackend(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	for _, c := range []struct{ name, script, says string }{
		{"nothing", "", ""},
		{"tables without rules", "iptables-legacy -t nat -S\niptables-legacy -S", ""},
		{"jumps to empty chains, as ufw leaves them", "ip6tables-legacy -N ufw6-before-input\nip6tables-legacy -A INPUT -j ufw6-before-input", ""},
		{"a chain that nothing jumps to", "iptables-legacy -N OLD\niptables-legacy -A OLD -j DROP", ""},
		{"a rule", "iptables-legacy -A INPUT -s 192.0.2.1 -j DROP", "IPv4 table filter has 1 rule"},
		{"a rule behind a jump", "iptables-legacy -N OLD\niptables-legacy -A OLD -j DROP\niptables-legacy -A INPUT -j OLD", "IPv4 table filter has 2 rules"},
		{"a policy", "ip6tables-legacy -P INPUT DROP", "IPv6 table filter has the policy DROP in INPUT"},
	} {
		err := netns.Throwaway(func() error {
			shell(t, c.script)
			rivals, err := Tools{Backend: NFT, Families: families()}.otherBackend(context.Background())
			switch {
			case err != nil, c.says == "" && rivals != nil, c.says != "" && (len(rivals) != 1 || !strings.HasSuffix(rivals[0].Seen, c.says)):
				t.Errorf("%s: %v, %v", c.name, rivals, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func shell(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
