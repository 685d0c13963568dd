package dataplane

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Live is this machine, in the network namespace of the calling thread.
func Live() Plane {
	return Plane{liveRules{}, liveSets{}, liveSettings{}, liveFiles{}, liveConnections{}, liveProbe{}}
}

type liveRules struct{}

// Tables implements Rules.
func (liveRules) Tables(ctx context.Context, family ruleset.Family) (state.State, error) {
	return probe.Tables(ctx, family)
}

// RuleOfInput implements Rules.
func (liveRules) RuleOfInput(ctx context.Context, family ruleset.Family, number int) (tablefile.Rule, error) {
	return probe.RuleOfInput(ctx, family, number)
}

// Load implements Rules.
func (liveRules) Load(ctx context.Context, family ruleset.Family, text []byte, flush bool) error {
	return probe.Restore(ctx, family, text, flush)
}

type liveSets struct{}

// Create implements Sets.
func (liveSets) Create(ctx context.Context, sets ...setfile.Set) error {
	return kernelset.Create(ctx, sets...)
}

// Load implements Sets.
func (liveSets) Load(ctx context.Context, text []byte) error { return kernelset.Load(ctx, text) }

// Add implements Sets.
func (liveSets) Add(name string, prefixes []netip.Prefix) error {
	return kernelset.Add(name, prefixes)
}

// AddEntries implements Sets.
func (liveSets) AddEntries(name string, entries []kernelset.Entry) error {
	return kernelset.AddEntries(name, entries)
}

// Flush implements Sets.
func (liveSets) Flush(name string) error { return kernelset.Flush(name) }

// Swap implements Sets.
func (liveSets) Swap(a, b string) error { return kernelset.Swap(a, b) }

// Rename implements Sets.
func (liveSets) Rename(from, to string) error { return kernelset.Rename(from, to) }

// Destroy implements Sets.
func (liveSets) Destroy(name string) error { return kernelset.Destroy(name) }

// List implements Sets.
func (liveSets) List() ([]kernelset.Header, error) { return kernelset.List() }

// Lookup implements Sets.
func (liveSets) Lookup(name string) (kernelset.Header, error) { return kernelset.Lookup(name) }

// Save implements Sets.
func (liveSets) Save(ctx context.Context) ([]byte, error) { return kernelset.Save(ctx) }

// Members implements Sets.
func (liveSets) Members(name string) iter.Seq2[kernelset.Entry, error] {
	return kernelset.Members(name)
}

type liveSettings struct{}

// Here implements Settings.
func (liveSettings) Here(stated []bundle.SettingEntry) map[string]state.Setting {
	return setting.Here(stated)
}

// Read implements Settings.
func (liveSettings) Read(settings map[string]state.Setting) (have, want map[string]state.Setting, err error) {
	return setting.Read(settings)
}

// Write implements Settings.
func (liveSettings) Write(s state.Setting) error { return setting.Write(s) }

// PutBack implements Settings.
func (liveSettings) PutBack(s state.Setting) error { return setting.PutBack(s) }

type liveFiles struct{}

// Paths implements Files.
func (liveFiles) Paths(b *bundle.Bundle, layout bundle.Layout) map[string]string {
	return bootfiles.Paths(b, layout)
}

// Read implements Files.
func (liveFiles) Read(paths map[string]string) (map[string][]byte, error) {
	return bootfiles.Read(paths)
}

// Modes implements Files.
func (liveFiles) Modes(texts map[string][]byte) (have, want map[string]fs.FileMode, err error) {
	return bootfiles.Modes(texts)
}

// Prepare implements Files.
func (liveFiles) Prepare(path string, have, text []byte) (Replacement, error) {
	r, err := bootfiles.Prepare(path, have, text)
	if err != nil {
		return nil, err // not a nil *durable.Replacement in an interface
	}
	return r, nil
}

// Replace implements Files.
func (liveFiles) Replace(path string, text []byte) error { return bootfiles.Replace(path, text) }

// Sweep implements Files.
func (liveFiles) Sweep(paths []string) error { return durable.Sweep(paths) }

// EndTrial implements Files.
func (liveFiles) EndTrial() ([]string, error) { return bootfiles.EndTrial() }

type liveConnections struct{}

// Note implements Connections.
func (liveConnections) Note(ctx context.Context) (open, known int, err error) {
	all, err := probe.OpenConnections()
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the open connections: %w", err)
	}
	known, err = conntrack.Note(ctx, all)
	return len(all), known, err
}

type liveProbe struct{}

// Tools implements Probe.
func (liveProbe) Tools() (probe.Tools, error) { return probe.ReadTools() }

// Layout implements Probe.
func (liveProbe) Layout() bundle.Layout { return bootfiles.DetectLayout() }

// Rehearse implements Probe.
func (liveProbe) Rehearse(ctx context.Context, t probe.Tools, b *bundle.Bundle) (state.State, error) {
	return t.Rehearse(ctx, b)
}

// RehearseBoot implements Probe.
func (liveProbe) RehearseBoot(ctx context.Context, t probe.Tools, boot probe.Boot) (state.State, error) {
	return t.RehearseBoot(ctx, boot)
}

// Snapshot implements Probe.
func (liveProbe) Snapshot(ctx context.Context, t probe.Tools, b *bundle.Bundle) (have state.State, notes []string, err error) {
	return t.Snapshot(ctx, b)
}

// Rivals implements Probe.
func (liveProbe) Rivals(ctx context.Context, t probe.Tools, have state.State, said []string, unread []plan.Rival) (rivals []plan.Rival, notes []string, err error) {
	return t.Rivals(ctx, have, said, unread)
}
