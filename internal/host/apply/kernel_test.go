package apply

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane/fake"
	"github.com/hardenctl/hardenctl/internal/host/tool"
	"github.com/hardenctl/hardenctl/internal/netns"
)

// The tools do what the model of them does: from random tables to random tables
// and back, with each backend and family.
func TestTransactionByTools(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	for _, backend := range []string{"nft", "legacy"} {
		for _, family := range []string{"iptables", "ip6tables"} {
			tools := family + "-" + backend
			t.Run(tools, func(t *testing.T) {
				random := rand.New(rand.NewSource(2))
				for range 15 {
					if err := netns.Throwaway(func() error { return byTools(tools, random) }); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// byTools moves a namespace from one random table to another and back.
func byTools(tools string, random *rand.Rand) error {
	current, target := randomTable(random, true), randomTable(random, false)
	if err := restore(tools, tablefile.Render([]tablefile.Table{current}, true)); err != nil {
		return err
	}
	current, err := readFilter(tools)
	if err != nil {
		return err
	}
	after, err := moved(tools, current, target)
	if err != nil {
		return err
	}
	model, err := fake.Restore(current, string(transaction(current, target, statedPolicies)))
	if err != nil || specs(after) != specs(model) {
		return fmt.Errorf("%v: the tools made\n%sand the model\n%sfrom\n%s", err, specs(after), specs(model), specs(current))
	}
	back, err := moved(tools, after, current)
	if err == nil && specs(back) != specs(current) {
		err = fmt.Errorf("the way back leads to\n%sand not to\n%s", specs(back), specs(current))
	}
	return err
}

// moved has the tools run the transaction between two tables.
func moved(tools string, from, to tablefile.Table) (tablefile.Table, error) {
	text := transaction(from, to, statedPolicies)
	if err := restore(tools, text, "--noflush"); err != nil {
		return tablefile.Table{}, fmt.Errorf("%w in\n%sfrom\n%s", err, text, specs(from))
	}
	return readFilter(tools)
}

func restore(tools string, text []byte, options ...string) error {
	_, err := tool.Run(context.Background(), tool.Command{Name: tools + "-restore", Args: append(options, "-c"), Stdin: text})
	return err
}

// readFilter returns the table filter as it is saved.
func readFilter(tools string) (tablefile.Table, error) {
	out, err := tool.Run(context.Background(), tool.Command{Name: tools + "-save", Args: []string{"-c", "-t", "filter"}})
	if err != nil {
		return tablefile.Table{}, err
	}
	parsed, err := tablefile.Parse(out)
	if err != nil {
		return tablefile.Table{}, err
	}
	return *parsed.Table("filter"), nil
}

// Any command of iptables-legacy sets what the policies of its table have counted
// to zero, as our transactions do on that backend, up to 1.8.9; 1.8.11 keeps it,
// in both. A transaction loses no more than a command.
func TestLegacyForgetsWhatPoliciesCounted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	const counted = "*filter\n:INPUT ACCEPT [7:420]\n:FORWARD ACCEPT [8:480]\n:OUTPUT ACCEPT [9:540]\nCOMMIT\n"
	kept := map[string]uint64{}
	for name, change := range map[string]tool.Command{
		"a command":     {Name: "iptables-legacy", Args: []string{"-A", "INPUT", "-j", "ACCEPT"}},
		"a transaction": {Name: "iptables-legacy-restore", Args: []string{"--noflush", "-c"}, Stdin: []byte("*filter\n[0:0] -I INPUT 1 -j ACCEPT\nCOMMIT\n")},
	} {
		err := netns.Throwaway(func() error {
			if err := restore("iptables-legacy", []byte(counted)); err != nil {
				return err
			}
			if before, err := readFilter("iptables-legacy"); err != nil || before.Chain("FORWARD").Packets != 8 {
				return fmt.Errorf("before: %+v, %w", before, err)
			}
			if _, err := tool.Run(context.Background(), change); err != nil {
				return err
			}
			after, err := readFilter("iptables-legacy")
			if err == nil {
				kept[name] = after.Chain("FORWARD").Packets + after.Chain("OUTPUT").Packets
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if kept["a command"] != kept["a transaction"] {
		t.Errorf("of 17 packets that policies counted are left after %v", kept)
	}
}
