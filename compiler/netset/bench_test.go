package netset_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// randomList is a list as blocklists are: n addresses and prefixes, crowded
// enough that many of them are neighbours.
func randomList(n int) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	var text []byte
	for range n {
		a := uint32(r.IntN(200))<<24 | uint32(r.IntN(40))<<16 | r.Uint32()&0xffff
		text = fmt.Appendf(text, "%d.%d.%d.%d", 1+a>>24, byte(a>>16), byte(a>>8), byte(a))
		if r.IntN(10) == 0 {
			text = append(text[:len(text)-len(fmt.Sprint(byte(a)))], "0/24"...)
		}
		text = append(text, '\n')
	}
	return text
}

func benchmarkText(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var diags diag.List
		set, _ := netset.ReadText("list", text, &diags)
		cover := set.V4()
		out := make([]byte, 0, 16*len(cover))
		for _, p := range cover {
			out = append(netset.AppendPrefix(out, p), '\n')
		}
		if len(out) == 0 || len(diags) > 0 {
			b.Fatal(diags)
		}
	}
}

func BenchmarkRead120k(b *testing.B) { benchmarkText(b, randomList(120_430)) }

func BenchmarkReadMillion(b *testing.B) { benchmarkText(b, randomList(1_000_000)) }

// BenchmarkReadFile takes a list of the reader's own: NETSET_FILE=list.txt.
func BenchmarkReadFile(b *testing.B) {
	name := os.Getenv("NETSET_FILE")
	if name == "" {
		b.Skip("NETSET_FILE names no list")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkText(b, text)
}

func millionPrefixes(seed uint64) []netip.Prefix {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([]netip.Prefix, 1_000_000)
	for i := range out {
		a := r.Uint32()
		out[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), 20+r.IntN(13))
	}
	return out
}

func BenchmarkAggregateMillion(b *testing.B) {
	list := millionPrefixes(1)
	for b.Loop() {
		netset.Of(list...).V4()
	}
}

func BenchmarkOperationsMillion(b *testing.B) {
	s, t := netset.Of(millionPrefixes(1)...), netset.Of(millionPrefixes(2)...)
	for _, op := range []struct {
		name string
		of   func(netset.Set, netset.Set) netset.Set
	}{{"union", netset.Set.Union}, {"intersect", netset.Set.Intersect}, {"subtract", netset.Set.Subtract}} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				op.of(s, t)
			}
		})
	}
}
