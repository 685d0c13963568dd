package guard

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// load makes the server what the host will be, in the order of an apply: sets,
// the connections that are open, rules, settings.
func (q *Question) load(ctx context.Context, s *scene) error {
	members := q.members(s.visits)
	loose := readLoose()
	return s.server.Do(func() error {
		// Whether conntrack takes up what it has not seen begin is the host's
		// own setting, until the bundle's come.
		writeLoose(loose)
		if err := loadSets(ctx, q.Bundle, members); err != nil {
			return err
		}
		if err := kernelset.Restore(ctx, q.others.sets); err != nil {
			return fmt.Errorf("sets of others: %w", err)
		}
		if err := noteOpen(ctx); err != nil {
			return err
		}
		for _, f := range q.Families {
			if err := probe.Restore(ctx, f, withoutLog(q.rules(f)), true); err != nil {
				return err
			}
		}
		writeSettings(q.Want.Settings, q.Bundle.Manifest.Settings)
		return nil
	})
}

func rulesFile(f ruleset.Family) string {
	if f == ruleset.V6 {
		return bundle.RulesV6
	}
	return bundle.RulesV4
}

// withoutLog leaves out the rules that log. Where nf_log_all_netns is on, the
// kernel's log would have what an admin source is refused here, and fail2ban would ban
// him for it on the host. They decide nothing.
func withoutLog(rules []byte) []byte {
	return tablefile.Keep(rules, func(l tablefile.Line) bool { return l.Rule.Target() == "LOG" })
}

// members returns, for each set, what decides over the visitors: of a set that
// the bundle fills, those visitors that are in it; of one that packets fill, the
// entries that cover a visitor on the host now.
func (q *Question) members(visits []*visit) map[string][]kernelset.Entry {
	var sources []netip.Prefix
	for _, v := range visits {
		sources = append(sources, source(v.from))
	}
	visitors := netset.Of(sources...)
	members := map[string][]kernelset.Entry{}
	for _, entry := range q.Bundle.Manifest.Sets {
		if !entry.Dynamic {
			members[entry.Name] = covered(q.Want.Sets[entry.Name], visits)
			continue
		}
		for _, e := range q.live[entry.Name] {
			if visitors.Contains(e.Prefix.Addr()) {
				members[entry.Name] = append(members[entry.Name], e)
			}
		}
	}
	return members
}

// remembers reports whether entries of the host's set are still there after an
// apply, and longer than an open door is.
func (q *Question) remembers(entry bundle.SetEntry, want state.Set) bool {
	have, exists := q.Have.Sets[entry.Name]
	isKnock := strings.HasPrefix(entry.Part, "knocks.")
	return exists && have.Entries > 0 && have.Swaps(want.Header) && want.Type == ruleset.HashIP && !isKnock
}

// covered returns the visitors that a set of the bundle holds.
func covered(set state.Set, visits []*visit) []kernelset.Entry {
	var entries []kernelset.Entry
	for _, v := range visits {
		if a := v.from.WithZone(""); set.Members.Contains(a) {
			entries = append(entries, kernelset.Entry{Prefix: netip.PrefixFrom(a, a.BitLen())})
		}
	}
	return entries
}

// loadSets makes the sets of a bundle, with some members.
func loadSets(ctx context.Context, b *bundle.Bundle, members map[string][]kernelset.Entry) error {
	if err := kernelset.Create(ctx, setfile.Sets(b.File(bundle.Sets))...); err != nil {
		return err
	}
	for name, entries := range members {
		if len(entries) == 0 {
			continue
		}
		if err := kernelset.AddEntries(name, entries); err != nil {
			return err
		}
	}
	return nil
}

// noteOpen does what an apply does before the rules count: it tells conntrack
// of the connections that are open.
func noteOpen(ctx context.Context) error {
	open, err := probe.OpenConnections()
	if err == nil {
		_, err = conntrack.Note(ctx, open)
	}
	return err
}

// readLoose reads setting.Loose of the host; without a value if conntrack is not
// loaded.
func readLoose() state.Setting {
	have, _, _ := setting.Read(setting.Here([]bundle.SettingEntry{{Key: setting.Loose}}))
	return have[setting.Loose]
}

func writeLoose(loose state.Setting) {
	if loose.Value != "" {
		_ = setting.Write(loose)
	}
}

// writeSettings writes the settings that are wanted and that a network namespace has
// for itself, and nothing that is the machine's. Interfaces are others here, so that
// theirs are taken from what the bundle states. One that cannot be written does not
// stop a rehearsal: that is for the apply to find out.
func writeSettings(want map[string]state.Setting, stated []bundle.SettingEntry) {
	all := maps.Clone(want)
	maps.DeleteFunc(all, func(_ string, s state.Setting) bool { return s.OfInterface() })
	maps.Copy(all, setting.Here(stated))
	for _, s := range all {
		if setting.OfNamespace(s) {
			_ = setting.Write(s)
		}
	}
}
