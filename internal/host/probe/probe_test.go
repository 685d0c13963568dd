package probe

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

func TestSplitSets(t *testing.T) {
	sets, members, err := splitSets([]byte("create a hash:net\nadd a 10.0.0.0/8\ncreate b hash:ip\nadd a 192.0.2.1\nadd b 2001:db8::1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(sets); got != "[create a hash:net create b hash:ip]" {
		t.Errorf("sets %s", got)
	}
	for name, prefixes := range map[string][]string{"a": {"10.0.0.0/8", "192.0.2.1/32"}, "b": {"2001:db8::1/128"}} {
		var want []netip.Prefix
		for _, p := range prefixes {
			want = append(want, netip.MustParsePrefix(p))
		}
		if !members[name].Equal(netset.Of(want...)) {
			t.Errorf("set %s holds %v", name, members[name])
		}
	}
	if _, _, err := splitSets([]byte("add a 010.1.1.1\n")); err == nil || !strings.Contains(err.Error(), "ipsets a:") {
		t.Errorf("an address that the kernel would read otherwise: %v", err)
	}
}

func TestCommand(t *testing.T) {
	if a, b := command(ruleset.V4, "save"), command(ruleset.V6, "restore"); a != "iptables-save" || b != "ip6tables-restore" {
		t.Errorf("%s, %s", a, b)
	}
}

// A key with "*" stands for every interface; what a module takes only when it
// loads is no setting of a running kernel.
func TestSettings(t *testing.T) {
	all := Settings([]bundle.SettingEntry{
		{Key: "net.ipv4.conf.*.rp_filter", Value: "2"}, {Key: "net.ipv4.ip_default_ttl", Value: "128"},
		{Key: "net.nothing.*.x", Value: "1"},
	})
	lo := all["net.ipv4.conf.lo.rp_filter"]
	if lo.Stated != "net.ipv4.conf.*.rp_filter" || lo.Value != "2" || lo.Path != "/proc/sys/net/ipv4/conf/lo/rp_filter" {
		t.Errorf("lo: %+v", lo)
	}
	if ttl := all["net.ipv4.ip_default_ttl"]; ttl.Path != "/proc/sys/net/ipv4/ip_default_ttl" {
		t.Errorf("ttl: %+v", ttl)
	}
	for key := range all {
		if strings.Contains(key, "*") || strings.Contains(key, "nothing") {
			t.Errorf("key %s", key)
		}
	}
}

// A setting is written unless it is as it shall be, however its blanks are, and
// read back.
func TestWriteSetting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "setting")
	if err := os.WriteFile(path, []byte("1\t2\t3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"1 2 3", "4 5\t6", "7"} {
		if err := WriteSetting(state.Setting{Path: path, Value: value}); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != "7" {
		t.Errorf("holds %q", text)
	}
	err := WriteSetting(state.Setting{Path: "/dev/null", Value: "1"}) // takes it and says nothing
	if err == nil || !strings.Contains(err.Error(), `/dev/null: wrote "1", but the kernel reports ""`) {
		t.Errorf("a value that does not stay: %v", err)
	}
	gone := state.Setting{Stated: "net.ipv4.conf.*.rp_filter", Path: path + "-missing", Value: "1"}
	if err := WriteSetting(gone); err != nil {
		t.Errorf("an interface that has gone: %v", err)
	}
	gone.Stated = "net.ipv4.ip_default_ttl"
	if err := WriteSetting(gone); err == nil {
		t.Error("a setting that does not exist was made")
	}
}
