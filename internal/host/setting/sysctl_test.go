package setting

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// A key with "*" stands for every interface; what a module takes only when it
// loads is not a setting of a running kernel.
func TestHere(t *testing.T) {
	all := Here([]bundle.SettingEntry{
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
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "setting")
	if err := os.WriteFile(path, []byte("1\t2\t3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"1 2 3", "4 5\t6", "7"} {
		if err := Write(state.Setting{Path: path, Value: value}); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != "7" {
		t.Errorf("holds %q", text)
	}
	err := Write(state.Setting{Path: "/dev/null", Value: "1"}) // takes it and says nothing
	if err == nil || !strings.Contains(err.Error(), `/dev/null: wrote "1", but the kernel reports ""`) {
		t.Errorf("a value that does not stay: %v", err)
	}
	gone := state.Setting{Stated: "net.ipv4.conf.*.rp_filter", Path: path + "-missing", Value: "1"}
	if err := Write(gone); err != nil {
		t.Errorf("an interface that has gone: %v", err)
	}
	gone.Stated = "net.ipv4.ip_default_ttl"
	if err := Write(gone); err == nil {
		t.Error("a setting that does not exist was made")
	}
}

// Settings of the whole machine are never written, also where the namespace
// shows them.
func TestOfNamespace(t *testing.T) {
	for path, want := range map[string]bool{
		"/proc/sys/net/ipv4/tcp_syncookies":              true,
		"/proc/sys/net/ipv6/conf/all/accept_redirects":   true,
		"/proc/sys/net/netfilter/nf_conntrack_tcp_loose": true,
		"/proc/sys/net/netfilter/nf_conntrack_max":       false,
		"/proc/sys/net/core/rmem_max":                    false,
		"/proc/sys/kernel/panic":                         false,
		"/sys/module/nf_conntrack/parameters/hashsize":   false,
		"": false, // an offload of a network interface
	} {
		if got := OfNamespace(state.Setting{Path: path}); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
