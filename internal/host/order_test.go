package host_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// The steps of each half of an apply, and their way back, in their order.
func TestOrderOfSteps(t *testing.T) {
	b := newBench(t)
	b.comes(host.OnTrial, b.apply(site("web.toml", 443, "192.0.2.0/24"), time.Minute))
	b.told("a trial", "journal", "preparing files", "sets", "IPv4 rules", "IPv6 rules", "reading back", "open connections", "deadline",
		"the new rules, on trial", "kernel settings", "reading settings back")
	if e, err := b.journal.Read(); err != nil || e.Phase != journal.Trial || len(b.watched) != 1 {
		t.Errorf("the journal says %+v, %v; %d watchdogs", e, err, len(b.watched))
	}
	b.comes(host.Confirmed, b.confirm())
	b.told("its confirm", "preparing files", "prolonging the trial", "confirmed", "sets", "open connections", "IPv4 rules", "IPv6 rules",
		"kernel settings", "reading back", "files")
	b.idle("after a confirm")

	b.comes(host.OnTrial, b.apply(site("web.toml", 8443, "198.51.100.0/24"), time.Minute))
	b.steps = nil
	b.comes(host.Reverted, b.revert())
	b.told("a revert", "undoing: kernel settings", "undoing: IPv6 rules", "undoing: IPv4 rules", "undoing: sets", "undoing: preparing files")
	b.idle("after a revert")
}

// told compares the steps since the last look.
func (b *bench) told(what string, want ...string) {
	b.t.Helper()
	if !slices.Equal(b.steps, want) {
		b.t.Errorf("the steps of %s are\n%q, not\n%q", what, b.steps, want)
	}
	b.steps = nil
}

// Nothing that counts for a packet happens before the new rules are read back, and
// nothing that a boot loads before all else is: sets come before the rules that name
// them, connections are noted before the rules count, and files are put last.
func TestOrderOfOperations(t *testing.T) {
	b := newBench(t)
	b.OpenConnections = 3
	b.comes(host.Confirmed, b.apply(site("web.toml", 443, "192.0.2.0/24"), 0))
	b.inOrder(
		"prepare /etc/iptables/rules.v4",
		"create hardenctl_trial_v4", "create hardenctl-blocked-v4", "add hardenctl-blocked-v4",
		"iptables-restore", "ip6tables-restore", "conntrack",
		"add hardenctl_trial_v4", "add hardenctl_trial_v6", // the new rules count
		"write "+ttl+" 128",
		"add hardenctl_trial_v4", "add hardenctl_trial_v4", // prolonged, and confirmed for good
		"conntrack", "iptables-restore", "ip6tables-restore",
		"put /etc/iptables/rules.v4",
		"destroy hardenctl_trial_v4",
	)
	for i, done := range b.Done {
		if first := slices.Index(b.Done, "write "+ttl+" 128"); strings.HasPrefix(done, "put /") && i < first {
			t.Errorf("%s comes before the settings", done)
		}
	}
}

// inOrder makes sure that these operations were done, in this order, whatever came
// between them.
func (b *bench) inOrder(want ...string) {
	b.t.Helper()
	rest := b.Done
	for _, operation := range want {
		at := slices.Index(rest, operation)
		if at < 0 {
			b.t.Fatalf("%q is not done in its place; what was done is\n%s", operation, strings.Join(b.Done, "\n"))
		}
		rest = rest[at+1:]
	}
}
