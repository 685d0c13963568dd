// Package banset reads and edits what the sets of a profile hold of a source: bans,
// counters, proofs.
package banset

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

// Banned asks the kernel for an address; of IPv6, for its whole /64.
func Banned(t *testing.T, a netip.Addr) bool {
	t.Helper()
	set, member := "hardenctl-ban-v4", a
	if a.Is6() {
		set, member = "hardenctl-ban-v6", netip.PrefixFrom(a, 64).Masked().Addr()
	}
	out, err := exec.Command("ipset", "test", set, member.String()).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "is NOT in set") {
		t.Fatalf("ipset test %s %v: %v: %s", set, member, err, out)
	}
	return err == nil
}

// Member asks the kernel whether one of our sets holds a source.
func Member(t *testing.T, set string, a netip.Addr) bool {
	t.Helper()
	name, a := SourceSet(set, a)
	out, err := exec.Command("ipset", "test", name, a.String()).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "is NOT in set") {
		t.Fatalf("ipset test %s %v: %v: %s", name, a, err, out)
	}
	return err == nil
}

// SourceSet names the set of a source's family, and what the set holds of it.
func SourceSet(set string, a netip.Addr) (name string, member netip.Addr) {
	if a.Is6() {
		return "hardenctl-" + set + "-v6", netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return "hardenctl-" + set + "-v4", a
}

// Forget takes a source out of one of our sets.
func Forget(set string, a netip.Addr) error {
	name, a := SourceSet(set, a)
	if out, err := exec.Command("ipset", "del", name, a.String()).CombinedOutput(); err != nil {
		return fmt.Errorf("ipset del %s %v: %w: %s", name, a, err, out)
	}
	return nil
}

// Proven are lines of [scan] by which a source that has connected before keeps the
// services.
const Proven = "scope = \"everything\"\nproven = \"1d\"\nfingerprint = true\ntripwires = [\"tcp/23\"]\n"
