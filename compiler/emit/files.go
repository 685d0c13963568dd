package emit

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
)

// Sets returns ipset restore input: every set created, then filled. Sets must
// be loaded before the rules that name them.
func Sets(sets []ruleset.Set) []byte {
	var text []byte
	for _, s := range sets {
		text = append(text, Create(s)+"\n"...)
		text = slices.Grow(text, len(s.Members)*(len(setfile.Add)+len(s.Name)+averagePrefix))
		for _, p := range s.Members {
			text = setfile.AppendAdd(text, s.Name, func(text []byte) []byte { return netset.AppendPrefix(text, p) })
		}
	}
	return text
}

// averagePrefix is about the length of a prefix, two blanks and its line's end.
const averagePrefix = 20

// Create returns the line that creates a set, options in ipset save's order.
func Create(s ruleset.Set) string { return declared(s).String() }

func declared(s ruleset.Set) setfile.Set {
	made := setfile.Set{Name: s.Name, Type: string(s.Type)}
	add := func(given bool, name, value string) {
		if given {
			made.Options = append(made.Options, setfile.Option{Name: name, Value: value})
		}
	}
	add(true, "family", inet(s.Family))
	add(true, "hashsize", fmt.Sprint(s.HashSize))
	add(true, "maxelem", fmt.Sprint(s.MaxElements))
	add(s.Netmask != 0, "netmask", fmt.Sprint(s.Netmask))
	add(s.Timeout != 0, "timeout", fmt.Sprint(int(s.Timeout/time.Second)))
	add(s.Counters, "counters", "")
	add(s.ForceAdd, "forceadd", "")
	return made
}

// KeptSets returns the names of the sets whose entries outlive a reboot, one a
// line.
func KeptSets(sets []ruleset.Set) []byte {
	var b bytes.Buffer
	for _, s := range sets {
		if s.Kept {
			fmt.Fprintln(&b, s.Name)
		}
	}
	return b.Bytes()
}

func inet(f ruleset.Family) string {
	if f == ruleset.V6 {
		return "inet6"
	}
	return "inet"
}

// ModulesLoad returns a modules-load.d file. systemd loads these modules before
// it writes settings, some of which exist only with their module.
func ModulesLoad(modules []ruleset.Module) []byte {
	var b bytes.Buffer
	for _, m := range modules {
		fmt.Fprintln(&b, m.Name)
	}
	return b.Bytes()
}
