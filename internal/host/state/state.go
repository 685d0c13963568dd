// Package state models what a host has, or shall have: tables, sets, kernel
// settings and files, as plain data.
//
// The same type serves both sides. Read from the live host it holds everything
// that is there, of any owner; taken from a bundle it holds only what
// the profile asks for. A plan is the difference between the two.
package state

import (
	"io/fs"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// State is one side of a plan.
type State struct {
	// Tables are what iptables-save prints, by family and name.
	Tables map[TableID]tablefile.Table
	// Sets are the kernel's sets by name.
	Sets map[string]Set
	// Settings are kernel settings by key, one for each interface where a
	// profile's key stands for all.
	Settings map[string]Setting
	// Files are by absolute path. A nil text is a file that does not exist.
	Files map[string][]byte
	// Modes are the permission bits of the files that exist.
	Modes map[string]fs.FileMode
}

// TableID names a table.
type TableID struct {
	Family ruleset.Family
	Name   string
}

// Set is a kernel set.
type Set struct {
	Header
	// Declared is how the set was made, with every option. Only the kernel's sets
	// have it.
	Declared setfile.Set
	// Entries is how many members the set has.
	Entries int
	// Members is empty for a foreign set and for one that packets fill: those
	// are not planned.
	Members netset.Set
	// Dynamic says that packets fill the set. Only a bundle knows.
	Dynamic bool
	// Odd is how many members are exceptions (nomatch) or expire: none of
	// those that a bundle fills.
	Odd int
	// References counts the rules and lists that name the set, of any owner.
	References int
}

// Swaps reports whether the kernel can swap two sets, which it can while rules
// name them.
func (h Header) Swaps(other Header) bool { return h.Type == other.Type && h.Family == other.Family }

// Header is what the kernel was told when a set was made, as far as it decides
// what the set can hold. The number of buckets is left out: the kernel changes
// it as a set grows.
type Header struct {
	Type        ruleset.SetType
	Family      ruleset.Family
	MaxElements uint32
	HasTimeout  bool   // whether entries can expire
	Timeout     uint32 // seconds; 0 for none
	Netmask     uint8  // 0 for none
	Counters    bool   // whether entries count packets
	ForceAdd    bool   // whether a full set lets an entry go for a new one
}

// Setting is a kernel setting.
type Setting struct {
	// Stated is the key as the bundle states it, in which "*" stands for every
	// interface.
	Stated string
	// Path is the file below /proc/sys or /sys/module that holds it; empty for
	// what a network interface does.
	Path string
	// NIC and Option name what a network interface does: an offload, such as
	// "gro" of "eth0", whose value is "on" or "off", or bundle.Queues, a number.
	NIC, Option string
	// Kind names a kind that Path and NIC do not tell.
	Kind  string `json:",omitempty"`
	Value string
	// Unreachable says why the setting cannot be changed from here, such as
	// that it belongs to the machine and this is a container's network
	// namespace. It is empty where it can.
	Unreachable string
}

// OfInterface reports whether the setting is one of an interface that the
// profile does not name, and that may go at any time.
func (s Setting) OfInterface() bool { return strings.Contains(s.Stated, "*") }

// Same reports whether two settings have one value. Blanks of any kind are alike,
// since the kernel prints lists of numbers with tabs.
func (s Setting) Same(other Setting) bool { return Fold(s.Value) == Fold(other.Value) }

// Fold returns a value with one blank where there are any.
func Fold(value string) string { return strings.Join(strings.Fields(value), " ") }

// UsesOfSet counts how often rules of ours name a set. The kernel counts each
// as a reference.
func (s State) UsesOfSet(name string) int {
	n := 0
	for _, table := range s.Tables {
		for _, c := range owned.Part(table).Chains {
			for _, r := range c.Rules {
				n += r.UsesOfSet(name)
			}
		}
	}
	return n
}
