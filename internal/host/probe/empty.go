package probe

import (
	"fmt"
	"os"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/nftables"
)

// checkEmpty is for a save without any table: an error if the kernel has tables
// that it should have printed. A tool that could not write exits 0 with nothing
// printed (iptables-save 1.8.9, on a full disk); taken for a host without rules,
// that would make going back the end of all rules.
func checkEmpty(family ruleset.Family) error {
	backend, err := readBackend()
	if err != nil {
		return err
	}
	has := legacyTables
	if backend == NFT {
		has = nftTables
	}
	names, err := has(family)
	if err != nil {
		return fmt.Errorf("cannot read which tables the kernel has: %w", err)
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%s printed nothing, but the kernel has %s; hardenctl cannot plan without the tool's output", command(family, "save"), strings.Join(names, ", "))
}

// legacyTables are those of the legacy backend; its save command prints all of
// them, also empty ones.
func legacyTables(family ruleset.Family) ([]string, error) {
	text, err := os.ReadFile(tableNames[family])
	if err != nil {
		return nil, nil // the backend is not loaded
	}
	return strings.Fields(string(text)), nil
}

// nftTables are the tables of iptables in nf_tables that hold something.
func nftTables(family ruleset.Family) (names []string, err error) {
	all, err := nftables.Read()
	for _, t := range all {
		if isOfIPTables(t) && nftFamilies[t.Family] == family && len(t.Chains) > 0 {
			names = append(names, t.Name)
		}
	}
	return names, err
}
