package kernelset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

const benchSet = "create a hash:net hashsize 131072 maxelem 1048576\n"

// BenchmarkAdd fills a set with 100,000 prefixes, by messages of our own and by
// `ipset restore` from a text that exists.
func BenchmarkAdd(b *testing.B) {
	all := many(100_000, false)
	var text strings.Builder
	for _, p := range all {
		fmt.Fprintf(&text, "add a %s\n", p)
	}
	fill := func(b *testing.B, add func() error) {
		inNamespace(b, benchSet, func() error {
			for b.Loop() {
				b.StopTimer()
				if err := kernelset.Flush("a"); err != nil {
					return err
				}
				b.StartTimer()
				if err := add(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.Run("netlink", func(b *testing.B) { fill(b, func() error { return kernelset.Add("a", all) }) })
	b.Run("ipset-restore", func(b *testing.B) {
		fill(b, func() error { _, err := run(text.String(), "ipset", "restore"); return err })
	})
}

// BenchmarkMembers reads 100,000 members, as prefixes and as text.
func BenchmarkMembers(b *testing.B) {
	read := func(b *testing.B, read func() error) {
		inNamespace(b, benchSet, func() error {
			if err := kernelset.Add("a", many(100_000, false)); err != nil {
				return err
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.Run("netlink", func(b *testing.B) { read(b, countMembers) })
	b.Run("ipset-save", func(b *testing.B) {
		read(b, func() error { _, err := run("", "ipset", "save", "a"); return err })
	})
}

func countMembers() error {
	count := 0
	for _, err := range kernelset.Members("a") {
		if err != nil {
			return err
		}
		count++
	}
	if count != 100_000 {
		return fmt.Errorf("%d members", count)
	}
	return nil
}
