package owned

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// InFile reports whether a rules file has a line of ours, also one that would not load.
func InFile(text []byte) bool {
	for line := range tablefile.Lines(string(text)) {
		if Line(line) {
			return true
		}
	}
	return false
}

// TakeOut takes what is ours out of a rules file, and gives built-in chains their policy
// back as on the live host. coming is what of ours is put in then.
func TakeOut(f *tablefile.File, coming tablefile.File) {
	for i := range f.Blocks {
		b := &f.Blocks[i]
		release(b, coming.Table(b.Table))
		b.Lines = slices.DeleteFunc(b.Lines, Line)
	}
}

func release(b, coming *tablefile.Block) {
	for i, line := range b.Lines {
		if line.Kind == tablefile.Declare && Releases(b.Chain(line.Chain), coming.Chain(line.Chain)) {
			b.Lines[i] = tablefile.Declared(tablefile.Chain{Name: line.Chain, Policy: tablefile.KernelPolicy})
		}
	}
}
