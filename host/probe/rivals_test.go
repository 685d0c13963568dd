package probe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/netns"
	"hardenctl/host/nftables"
	"hardenctl/host/saved"
	"hardenctl/host/state"
)

// input is a host whose INPUT has one rule.
func input(spec string) state.State {
	return state.State{Tables: map[state.TableID]saved.Table{
		{Family: ruleset.V6, Name: "filter"}: {Name: "filter", Chains: []saved.Chain{
			{Name: "INPUT", Policy: "ACCEPT", Rules: []saved.Rule{{Spec: spec}}}}},
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
		{"its rules live", "", false, "-j ufw6-before-input", "active in IPv6 filter INPUT"},
		{"a comment of that name", "", false, `-m comment --comment "-j ufw6" -j ACCEPT`, ""},
	} {
		root := t.TempDir()
		plant(t, root, ufwSwitch, c.conf)
		if c.installed {
			plant(t, root, ufwLoader, "")
		}
		said := ""
		for _, r := range ufw(root, input(c.rule)) {
			said += r.Seen
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
		{"its table", none, "-j ACCEPT", []nftables.Table{{Family: "inet", Name: "firewalld"}}, "in the table inet firewalld of nftables"},
		{"its chains", none, "-j INPUT_ZONES", nil, "active in IPv6 filter INPUT"},
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

// All that is in the way is named at once. A table that only drops what it
// knows is named in a note.
func TestCheckRivals(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	err := netns.Throwaway(func() error {
		script := `nft add table inet f2b-table
nft add chain inet f2b-table input '{ type filter hook input priority -1; }'
nft add rule inet f2b-table input ip saddr 192.0.2.1 drop`
		shell(t, script)
		notes, err := Tools{Backend: NFT, Families: families()}.CheckRivals(context.Background(), state.State{}, nil)
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "inet f2b-table of nftables sees packets too") {
			t.Errorf("%q, %v", notes, err)
		}
		shell(t, `nft add table inet mine
nft add chain inet mine input '{ type filter hook input priority 0; policy drop; }'
nft add table inet early
nft add chain inet early first '{ type filter hook ingress device lo priority 0; policy drop; }'
nft add table ip raw
nft add chain ip raw PREROUTING '{ type filter hook prerouting priority -300; }'
nft add rule ip raw PREROUTING accept`)
		var rivals *RivalsError
		_, err = Tools{Backend: NFT, Families: families()}.CheckRivals(context.Background(), input("-j ufw6-before-input"), nil)
		if !errors.As(err, &rivals) || len(rivals.Rivals) != 4 {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func shell(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
