package compiler

import (
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// describe returns what the manifest of a profile says of its ruleset: for each
// part of it the profile line that asked for it.
func describe(profile string, rs *ruleset.Ruleset) bundle.Manifest {
	m := bundle.Manifest{Profile: profile, Settings: emit.Settings(rs), Access: accessEntry(rs.Access), Leading: rs.Leading}
	for _, t := range rs.Tables {
		m.Policies = append(m.Policies, policyEntries(t)...)
		m.Rules = append(m.Rules, ruleEntries(t)...)
	}
	for _, s := range rs.Sets {
		m.Sets = append(m.Sets, bundle.SetEntry{
			Name: s.Name, Long: s.Long, Dynamic: s.Dynamic, Entries: len(s.Members), Origin: origin(s.Origin)})
	}
	for _, l := range rs.Lists {
		m.Lists = append(m.Lists, bundle.ListEntry{
			Name: l.Name, Entries: l.Entries, MaximumShrink: l.MaximumShrink, Origin: origin(l.Origin)})
	}
	for _, z := range rs.Zones {
		m.Zones = append(m.Zones, bundle.ZoneEntry{
			Name: z.Name, Interfaces: z.Interfaces, Trusted: z.Trusted, TrustedSets: z.From, Origin: origin(z.Origin)})
	}
	for _, r := range rs.Remarks {
		m.Remarks = append(m.Remarks, bundle.RemarkEntry{Entry: r.Entry, Description: r.Description, Expires: r.Expires, Origin: origin(r.Origin)})
	}
	return m
}

func origin(o ruleset.Origin) bundle.Origin {
	return bundle.Origin{Part: o.Part, File: o.File, Line: o.Line}
}

func policyEntries(t ruleset.Table) []bundle.PolicyEntry {
	var entries []bundle.PolicyEntry
	for _, c := range t.Chains {
		if c.Owned {
			entries = append(entries, bundle.PolicyEntry{
				Family: int(t.Family), Table: t.Name, Chain: c.Name, Policy: string(c.Policy),
				Origin: origin(c.Rules[0].Origin)})
		}
	}
	return entries
}

func ruleEntries(t ruleset.Table) []bundle.RuleEntry {
	var entries []bundle.RuleEntry
	for _, c := range t.Chains {
		for i, r := range c.Rules {
			entries = append(entries, bundle.RuleEntry{
				Family: int(t.Family), Table: t.Name, Chain: c.Name, Number: i + 1, Origin: origin(r.Origin)})
		}
	}
	return entries
}

func accessEntry(a ruleset.Access) bundle.AccessEntry {
	entry := bundle.AccessEntry{Admin: a.Admin}
	for _, s := range a.Services {
		entry.Services = append(entry.Services, bundle.AdminService{
			Name: s.Name, Ports: portEntries(s.Ports), From: s.From, Interfaces: s.Interfaces, Knock: portEntries(s.Knock), Origin: origin(s.Origin)})
	}
	return entry
}

func portEntries(ports []ruleset.Port) []bundle.Port {
	var entries []bundle.Port
	for _, p := range ports {
		entries = append(entries, bundle.Port{Protocol: string(p.Protocol), First: p.First, Last: p.Last})
	}
	return entries
}
