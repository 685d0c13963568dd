package owned_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// Ownership is by name, and of rules in foreign chains by the jump.
func TestOwnership(t *testing.T) {
	for name, want := range map[string]bool{"HARDENCTL-INPUT": true, "HARDENCTL": false, "DOCKER": false, "hardenctl-input": false, "MY-HARDENCTL-X": false} {
		if owned.Chain(name) != want {
			t.Errorf("chain %s: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"hardenctl-ban-v4": true, "hardenctl": false, "f2b-sshd": false, "HARDENCTL-x": false} {
		if owned.Set(name) != want {
			t.Errorf("set %s: %v", name, !want)
		}
	}
	for spec, want := range map[string]bool{
		"-j HARDENCTL-INPUT":         true,
		"-i eth0 -g HARDENCTL-INPUT": true,
		"-j ACCEPT":                  false,
		"":                           false,
		`-m comment --comment "-j HARDENCTL-INPUT" -j ACCEPT`:      false,
		"-m set --match-set hardenctl-ban-v4 src -j DROP":          false,
		`-m comment --comment "odd quote -j HARDENCTL-INPUT`:       false,
		"-m string --string -j --algo bm -j HARDENCTL-INPUT":       true,
		"-m comment --comment -j -m comment --comment HARDENCTL-X": false,
	} {
		if owned.Rule(tablefile.Rule{Spec: spec}) != want {
			t.Errorf("rule %s: %v", spec, !want)
		}
	}
}
