package apply

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"strings"
	"testing"

	"hardenctl/host/kernelset"
	"hardenctl/host/netns"
	"hardenctl/host/saved"
	"hardenctl/host/tool"
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
	if err := restore(tools, saved.Render([]saved.Table{current}, true)); err != nil {
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
	model, err := execute(current, string(transaction(current, target, statedPolicies)))
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
func moved(tools string, from, to saved.Table) (saved.Table, error) {
	text := transaction(from, to, statedPolicies)
	if err := restore(tools, text, "--noflush"); err != nil {
		return saved.Table{}, fmt.Errorf("%w in\n%sfrom\n%s", err, text, specs(from))
	}
	return readFilter(tools)
}

func restore(tools string, text []byte, options ...string) error {
	_, err := tool.Run(context.Background(), tool.Command{Name: tools + "-restore", Args: append(options, "-c"), Stdin: text})
	return err
}

// readFilter returns the table filter as it is saved.
func readFilter(tools string) (saved.Table, error) {
	out, err := tool.Run(context.Background(), tool.Command{Name: tools + "-save", Args: []string{"-c", "-t", "filter"}})
	if err != nil {
		return saved.Table{}, err
	}
	parsed, err := saved.Parse(out)
	if err != nil {
		return saved.Table{}, err
	}
	return *parsed.Table("filter"), nil
}

// A set that holds other entries than it shall, as many or not, is noticed, and
// so is an exception in the place of an entry.
func TestHolds(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32")}
	for entries, says := range map[string]string{
		"198.51.100.7 192.0.2.0/24":            "",
		"198.51.100.7":                         "1 entries of 2",
		"198.51.100.7 192.0.2.0/24 10.0.0.0/8": "3 entries of 2",
		"198.51.100.7 192.0.2.0/25":            "somebody has changed it",
		"198.51.100.7 192.0.2.0/24,nomatch":    "somebody has changed it",
		"198.51.100.7 192.0.2.0/24,timeout,60": "somebody has changed it",
		"198.51.100.8 192.0.2.0/24":            "somebody has changed it",
	} {
		text := "create a hash:net\n"
		if strings.Contains(entries, "timeout") {
			text = "create a hash:net timeout 0\n"
		}
		for _, e := range strings.Fields(entries) {
			text += "add a " + strings.ReplaceAll(e, ",", " ") + "\n"
		}
		err := netns.Throwaway(func() error {
			if err := kernelset.Restore(context.Background(), []byte(text)); err != nil {
				t.Fatal(err)
			}
			return holds("a", want)
		})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", entries, err, says)
		}
	}
}

func BenchmarkHolds(b *testing.B) {
	var all []netip.Prefix
	for i := range 1_000_000 {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 15), byte(i >> 7), byte(i << 1)}), 32))
	}
	err := netns.Throwaway(func() error {
		const create = "create a hash:net hashsize 1048576 maxelem 1048576\n"
		if err := errors.Join(kernelset.Create(context.Background(), create), kernelset.Add("a", all)); err != nil {
			return err
		}
		for b.Loop() {
			if err := holds("a", all); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
