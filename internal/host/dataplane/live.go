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
	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/persist"
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

func (liveRules) Tables(ctx context.Context, family ruleset.Family) (state.State, error) {
	return probe.Tables(ctx, family)
}

func (liveRules) FirstOfInput(ctx context.Context, family ruleset.Family) (tablefile.Rule, error) {
	return probe.FirstOfInput(ctx, family)
}

func (liveRules) Load(ctx context.Context, family ruleset.Family, text []byte, flush bool) error {
	return probe.Restore(ctx, family, text, flush)
}

type liveSets struct{}

func (liveSets) Create(ctx context.Context, sets ...setfile.Set) error {
	return kernelset.Create(ctx, sets...)
}
func (liveSets) Load(ctx context.Context, text []byte) error { return kernelset.Load(ctx, text) }
func (liveSets) Add(name string, prefixes []netip.Prefix) error {
	return kernelset.Add(name, prefixes)
}
func (liveSets) AddEntries(name string, entries []kernelset.Entry) error {
	return kernelset.AddEntries(name, entries)
}
func (liveSets) Flush(name string) error                      { return kernelset.Flush(name) }
func (liveSets) Swap(a, b string) error                       { return kernelset.Swap(a, b) }
func (liveSets) Rename(from, to string) error                 { return kernelset.Rename(from, to) }
func (liveSets) Destroy(name string) error                    { return kernelset.Destroy(name) }
func (liveSets) List() ([]kernelset.Header, error)            { return kernelset.List() }
func (liveSets) Lookup(name string) (kernelset.Header, error) { return kernelset.Lookup(name) }
func (liveSets) Members(name string) iter.Seq2[kernelset.Entry, error] {
	return kernelset.Members(name)
}

type liveSettings struct{}

func (liveSettings) Read(stated []bundle.SettingEntry) (have, want map[string]state.Setting, err error) {
	return setting.Read(stated)
}
func (liveSettings) Write(s state.Setting) error   { return setting.Write(s) }
func (liveSettings) PutBack(s state.Setting) error { return setting.PutBack(s) }

type liveFiles struct{}

func (liveFiles) Paths(b *bundle.Bundle, layout bundle.Layout) map[string]string {
	return persist.Paths(b, layout)
}
func (liveFiles) Read(paths map[string]string) (map[string][]byte, error) { return persist.Read(paths) }
func (liveFiles) Modes(texts map[string][]byte) (have, want map[string]fs.FileMode, err error) {
	return persist.Modes(texts)
}
func (liveFiles) Prepare(path string, have, text []byte) (Replacement, error) {
	r, err := persist.Prepare(path, have, text)
	if err != nil {
		return nil, err // not a nil *durable.Replacement in an interface
	}
	return r, nil
}
func (liveFiles) Replace(path string, text []byte) error { return persist.Replace(path, text) }
func (liveFiles) Sweep(paths []string) error             { return durable.Sweep(paths) }
func (liveFiles) EndTrial() ([]string, error)            { return persist.EndTrial() }

type liveConnections struct{}

func (liveConnections) Note(ctx context.Context) (open, known int, err error) {
	all, err := probe.OpenConnections()
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the open connections: %w", err)
	}
	known, err = conntrack.Note(ctx, all)
	return len(all), known, err
}

type liveProbe struct{}

func (liveProbe) Tools() (probe.Tools, error) { return probe.ReadTools() }
func (liveProbe) Layout() bundle.Layout       { return persist.DetectLayout() }
func (liveProbe) Rehearse(ctx context.Context, t probe.Tools, b *bundle.Bundle) (state.State, error) {
	return t.Rehearse(ctx, b)
}
func (liveProbe) RehearseBoot(ctx context.Context, t probe.Tools, boot probe.Boot) (state.State, error) {
	return t.RehearseBoot(ctx, boot)
}
func (liveProbe) Snapshot(ctx context.Context, t probe.Tools, b *bundle.Bundle) (have state.State, notes []string, err error) {
	return t.Snapshot(ctx, b)
}
func (liveProbe) Rivals(ctx context.Context, t probe.Tools, have state.State, said []string, unread []plan.Rival) (rivals []plan.Rival, notes []string, err error) {
	return t.Rivals(ctx, have, said, unread)
}
