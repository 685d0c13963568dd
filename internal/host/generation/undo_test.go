package generation

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// stating is an apply of a profile that states a policy and some settings, on a
// host with other values.
func stating(chain string, settings ...bundle.SettingEntry) Content {
	c := content("128", 1)
	c.Bundle = bundle.Seal(nil, bundle.Manifest{Profile: "a.toml", Settings: settings,
		Policies: []bundle.PolicyEntry{{Family: 4, Table: "filter", Chain: chain, Policy: "DROP"}, {Family: 6, Table: "filter", Chain: chain, Policy: "DROP"}}})
	return c
}

// What the host had before hardenctl is what the first generation found, and what
// later ones found of what only they have stated.
func TestBefore(t *testing.T) {
	one := stating("INPUT", bundle.SettingEntry{Key: "net.ipv4.ip_default_ttl", Value: "128"}, bundle.SettingEntry{Key: "net.ipv4.conf.*.rp_filter", Value: "1"})
	one.Before.Settings = map[string]state.Setting{
		"net.ipv4.ip_default_ttl": {Value: "64"}, "net.ipv4.conf.all.rp_filter": {Value: "0"}, "net.ipv4.conf.eth0.7.rp_filter": {Value: "2"},
	}
	two := stating("FORWARD", bundle.SettingEntry{Key: "net.ipv4.ip_default_ttl", Value: "99"}, bundle.SettingEntry{NIC: "eth0", Option: "gro", Value: "off"})
	two.Before.Settings = map[string]state.Setting{"net.ipv4.ip_default_ttl": {Value: "128"}, "eth0 gro": {Value: "on"}}
	two.Before.Tables = map[state.TableID]tablefile.Table{{Family: ruleset.V4, Name: "filter"}: {Name: "filter", Chains: []tablefile.Chain{
		{Name: "INPUT", Policy: "ACCEPT"}, {Name: "FORWARD", Policy: "DROP"}}}}
	s := keep(t, store(t), one, two)
	b, err := s.Before()
	must(t, err)
	var got []string
	for _, p := range b.Manifest.Policies {
		got = append(got, strings.Join([]string{p.Table, p.Chain, p.Policy}, " "))
	}
	for _, e := range b.Manifest.Settings {
		got = append(got, e.Object()+"="+e.Value)
	}
	want := "filter INPUT DROP, filter INPUT ACCEPT, filter FORWARD DROP, filter FORWARD ACCEPT, " +
		"net.ipv4.conf.all.rp_filter=0, net/ipv4/conf/eth0.7/rp_filter=2, net.ipv4.ip_default_ttl=64, eth0 gro=on"
	if got := strings.Join(got, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for name, want := range map[string]string{
		bundle.RulesV4: "*filter\n:FORWARD DROP [0:0]\n:INPUT DROP [0:0]\nCOMMIT\n",
		bundle.RulesV6: "*filter\n:FORWARD ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\nCOMMIT\n",
		bundle.Sets:    "create hardenctl-block-v4 hash:net family inet hashsize 64 maxelem 16\nadd hardenctl-block-v4 192.0.2.0/24\nadd hardenctl-block-v4 198.51.100.7\n",
		bundle.BeforeName("/etc/iptables/rules.v4"): "*filter\nCOMMIT\n",
	} {
		if got := string(b.File(name)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if !b.Manifest.Before || b.Manifest.Profile != bundle.BeforeProfile || len(b.Manifest.Sets) != 1 || b.Manifest.Sets[0].Entries != 2 {
		t.Errorf("the manifest is %+v", b.Manifest)
	}
}

// What was not kept, or is not as it was written, is not restored.
func TestNoBefore(t *testing.T) {
	if _, err := store(t).Before(); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "nothing has been applied yet") {
		t.Errorf("an empty store: %v", err)
	}
	for says, arrange := range map[string]func(s Store) error{
		"earlier version":              func(s Store) error { return os.Remove(s.path(1, beforeName, sumsName)) },
		"before/rules.v4 is":           func(s Store) error { return os.WriteFile(s.path(1, "before/rules.v4"), nil, 0o600) },
		"no such file":                 func(s Store) error { return os.Remove(s.path(1, "before/ipsets")) },
		"generations/1, which is gone": func(s Store) error { return os.Rename(s.path(1), s.path(9)) },
		"is not as it was wr":          func(s Store) error { return os.WriteFile(s.path(1, beforeName, sumsName), []byte("1  ../x\n"), 0o600) },
	} {
		s := keep(t, store(t), content("128", 1))
		must(t, arrange(s))
		if _, err := s.Before(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
