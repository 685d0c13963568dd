package apply

import (
	"github.com/hardenctl/hardenctl/compiler/bundle/linediff"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// edit turns a chain of ours that exists into the one that is wanted, rule by
// rule. What stays is not touched. It keeps its counters with every tool, also
// with ip6tables-nft-restore 1.8.9, which takes none from its input; and with the
// nft backend it keeps what its matches have seen, such as the connections that
// connlimit has counted (the legacy one makes a table anew for any change). A
// rule that moves takes its counters along where the tool lets it, and one that
// comes those of its copy on trial.
//
// Numbers count what the lines before have left. An insertion goes before a rule
// that was there before, or to the end: iptables-nft finds the place of no other
// within one transaction.
func (w *writer) edit(name string) {
	have := w.current.Chain(name).Rules
	edits := linediff.Lines(specsOf(have), specsOf(w.target.Chain(name).Rules))
	gone, tried, number := deleted(edits, have), w.tried(name), 1
	for _, e := range edits {
		switch e.Op {
		case linediff.Keep:
			number++
		case linediff.Delete:
			w.DeleteNumber(name, number)
		case linediff.Insert:
			packets, bytes := takeCounters(&gone, e.Line)
			packets, bytes = packets+tried[number-1].Packets, bytes+tried[number-1].Bytes
			w.InsertCounted(name, number, tablefile.Rule{Spec: e.Line, Packets: packets, Bytes: bytes})
			number++
		}
	}
}

// deleted are the rules that go.
func deleted(edits []linediff.Edit, have []tablefile.Rule) []tablefile.Rule {
	var gone []tablefile.Rule
	i := 0
	for _, e := range edits {
		if e.Op == linediff.Delete {
			gone = append(gone, have[i])
		}
		if e.Op != linediff.Insert {
			i++
		}
	}
	return gone
}

func specsOf(rules []tablefile.Rule) []string {
	var texts []string
	for _, r := range rules {
		texts = append(texts, r.Spec)
	}
	return texts
}
