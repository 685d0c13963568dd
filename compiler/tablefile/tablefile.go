// Package tablefile is the text that iptables-save prints and iptables-restore
// takes, as data. No other package cuts such a text or a rule apart.
//
// A table declares its chains and then appends rules to them; COMMIT ends it. There
// are two readers. Parse takes what iptables-save prints and nothing wider: the
// commands that iptables-restore also takes (-I, -D, -N, …) are an error. It returns
// a Save, which Render prints again. Read takes a file that a person may have
// written, in which every line has to stay as it is. It returns a File, which prints
// itself byte for byte. Both see a line as a Line; a File of a million lines need not
// be held to go through them with Lines.
//
// What a rule says stays text, exactly as printed, because the only thing that can
// be known of two foreign rules is whether a tool prints them alike. What one needs
// to know of it the methods of Rule answer from its words (Words), and its edits
// (With, Without, WithTarget, RenameSets) change these words and nothing else. Input
// is what changes a live table: iptables-restore --noflush.
//
// The package is pure. It does not know which tables and chains there are, and
// a text that parses is not yet one that loads: only a rehearsal tells.
package tablefile

import (
	"bytes"
	"slices"
	"strconv"
)

// Save is what one iptables-save printed.
type Save struct {
	// Tables are in the order of the text, which differs between backends.
	Tables []Table
	// Notices are comments in which the tool says that the save is not the
	// whole truth: rules that only nft can print, tables of the other backend.
	// They are without the leading "# ". A save with notices must not be taken
	// for all that the kernel has. iptables-nft-save 1.8.9 prints the one about
	// legacy tables on standard error, where a caller must look for it.
	Notices []string
}

// Table returns the table of that name, or nil.
func (s Save) Table(name string) *Table {
	if i := slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == name }); i >= 0 {
		return &s.Tables[i]
	}
	return nil
}

// Table is one table, such as "filter", with its chains as declared.
type Table struct {
	Name   string
	Chains []Chain
}

// Chain returns the chain of that name, or nil.
func (t Table) Chain(name string) *Chain {
	if i := slices.IndexFunc(t.Chains, func(c Chain) bool { return c.Name == name }); i >= 0 {
		return &t.Chains[i]
	}
	return nil
}

// Policy returns the policy of a built-in chain. Where the table does not have the chain,
// because it is not in use yet, that is the kernel's own.
func (t Table) Policy(chain string) string {
	if c := t.Chain(chain); c != nil {
		return c.Policy
	}
	return KernelPolicy
}

// KernelPolicy is the policy of a built-in chain for which none was set.
const KernelPolicy = "ACCEPT"

// UserPolicy is the Policy of a chain that is not built in.
const UserPolicy = "-"

// Chain is a chain and its rules, in the order in which the kernel tries them.
type Chain struct {
	Name string
	// Policy is "ACCEPT" or "DROP" for a built-in chain, else UserPolicy.
	Policy string
	// Packets and Bytes count what the policy decided; 0 in a chain that is
	// not built in.
	Packets, Bytes uint64
	Rules          []Rule
}

// BuiltIn reports whether the kernel calls the chain by itself.
func (c Chain) BuiltIn() bool { return c.Policy != UserPolicy }

// Rule is one rule.
type Rule struct {
	// Spec is everything after "-A CHAIN ", without blanks at its ends; empty
	// for a rule that matches all packets and has no target.
	Spec string
	// Packets and Bytes count what the rule matched; 0 if the save was made
	// without counters.
	Packets, Bytes uint64
}

// SameRules reports whether two lists have the same rules in the same order,
// whatever they have counted.
func SameRules(a, b []Rule) bool {
	return slices.EqualFunc(a, b, func(x, y Rule) bool { return x.Spec == y.Spec })
}

// Render returns the text of the tables in the form that iptables-save prints,
// without its comments. Without counters those of chains are printed as zero,
// and rules have none. Parse returns equal tables from the text of tables that
// Parse returned, if counters is true or all counters are zero.
func Render(tables []Table, counters bool) []byte {
	var b bytes.Buffer
	for _, t := range tables {
		renderTable(&b, t, counters)
	}
	return b.Bytes()
}

func renderTable(b *bytes.Buffer, t Table, counters bool) {
	b.WriteString("*" + t.Name + "\n")
	for _, c := range t.Chains {
		b.WriteString(":" + c.Name + " " + c.Policy + " ")
		if counters {
			writeCounters(b, c.Packets, c.Bytes)
		} else {
			writeCounters(b, 0, 0)
		}
		b.WriteByte('\n')
	}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			renderRule(b, c.Name, r, counters)
		}
	}
	b.WriteString("COMMIT\n")
}

func renderRule(b *bytes.Buffer, chain string, r Rule, counters bool) {
	if counters {
		writeCounters(b, r.Packets, r.Bytes)
		b.WriteByte(' ')
	}
	b.WriteString("-A " + chain)
	if r.Spec != "" {
		b.WriteString(" " + r.Spec)
	}
	b.WriteByte('\n')
}

func writeCounters(b *bytes.Buffer, packets, bytes uint64) {
	b.WriteByte('[')
	b.Write(strconv.AppendUint(b.AvailableBuffer(), packets, 10))
	b.WriteByte(':')
	b.Write(strconv.AppendUint(b.AvailableBuffer(), bytes, 10))
	b.WriteByte(']')
}
