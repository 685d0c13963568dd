package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// tableNames is where the kernel lists the tables of the legacy backend, by
// family. Where there are none the legacy tools must not be asked: to save a
// table makes it.
var tableNames = map[ruleset.Family]string{
	ruleset.V4: "/proc/thread-self/net/ip_tables_names",
	ruleset.V6: "/proc/thread-self/net/ip6_tables_names",
}

// otherBackend finds out whether the backend that the tools do not use has rules
// or policies: they decide every packet too, and neither a plan nor a reading
// back would see them.
func (t Tools) otherBackend(ctx context.Context) ([]plan.Rival, error) {
	other := NFT
	if t.Backend == NFT {
		other = Legacy
	}
	var found []string
	for _, family := range t.Families {
		tables, err := saveOther(ctx, other, family)
		if err != nil {
			return nil, err
		}
		for _, table := range tables {
			if says := decides(table); says != "" {
				found = append(found, fmt.Sprintf("IPv%d table %s has %s", family, table.Name, says))
			}
		}
	}
	if found == nil {
		return nil, nil
	}
	return []plan.Rival{{
		Seen:   fmt.Sprintf("iptables uses the %s backend here, but the %s backend also filters packets: %s", t.Backend, other, strings.Join(found, ", ")),
		WayOut: fmt.Sprintf("move the rules that you need (iptables-%s-save shows them) and empty that backend, or make iptables use it (update-alternatives --config iptables)", other)}}, nil
}

// saveOther returns the tables of a backend that plain iptables is not of; none
// if it is not in use or not installed.
func saveOther(ctx context.Context, backend Backend, family ruleset.Family) ([]tablefile.Table, error) {
	if backend == Legacy {
		names, err := os.ReadFile(tableNames[family])
		if err != nil || len(bytes.TrimSpace(names)) == 0 {
			return nil, nil // the legacy backend is not loaded, or has no table
		}
	}
	name := strings.Replace(command(family, "save"), "-", "-"+string(backend)+"-", 1)
	text, err := tool.Run(ctx, tool.Command{Name: name})
	var failed *tool.Error
	if errors.Is(err, tool.ErrMissing) || backend == NFT && errors.As(err, &failed) && failed.ExitCode > 0 {
		return nil, nil // not installed, or for a kernel that has no nf_tables
	}
	if err != nil {
		return nil, err
	}
	save, err := tablefile.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s printed invalid output: %w", name, err)
	}
	return save.Tables, nil
}

// decides says what in a table can decide a packet; nothing if there is nothing,
// as where only empty chains are left.
func decides(t tablefile.Table) string {
	n, decides := 0, false
	for _, c := range t.Chains {
		n += len(c.Rules)
		decides = decides || c.BuiltIn() && t.Decides(c.Name)
	}
	switch {
	case decides && n == 1:
		return "1 rule"
	case decides:
		return fmt.Sprintf("%d rules", n)
	}
	i := slices.IndexFunc(t.Chains, func(c tablefile.Chain) bool { return c.BuiltIn() && c.Policy != "ACCEPT" })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("the policy %s in %s", t.Chains[i].Policy, t.Chains[i].Name)
}
