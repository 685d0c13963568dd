package tablefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// File is a rules file, line by line: what iptables-restore loads, as a bundle has it
// or as a person may have written it. Unlike a Save it keeps comments, and takes any
// command of iptables-restore.
type File struct{ Blocks []Block }

// Block is the lines of one table, from the one that begins it to its COMMIT, or, with
// an empty table name, one line between tables.
type Block struct {
	Table string
	Lines []Line
}

// Read splits a rules file. Outside of tables it takes only comments. The error names
// the line that is not iptables-restore input. A table that is there twice is
// refused because loading the second one throws away the first.
func Read(text []byte) (File, error) {
	var f File
	n, open := 0, false
	for line := range Lines(string(text)) {
		n++
		if err := f.mayFollow(line, open); err != nil {
			return File{}, fmt.Errorf("line %d: %w", n, err)
		}
		if !open {
			f.Blocks = append(f.Blocks, Block{Table: line.Table})
		}
		block := &f.Blocks[len(f.Blocks)-1]
		block.Lines = append(block.Lines, line)
		open = line.Table != "" && line.Kind != Commit
	}
	if open {
		return File{}, fmt.Errorf("table %s has no COMMIT; the file is cut off", f.Blocks[len(f.Blocks)-1].Table)
	}
	return f, nil
}

// mayFollow says why a line cannot be behind those that were read. open says
// whether they leave a table open.
func (f File) mayFollow(line Line, open bool) error {
	switch {
	case line.Kind == Begin && open:
		return fmt.Errorf("table %.64q begins before table %.64q has its COMMIT", line.Table, f.Blocks[len(f.Blocks)-1].Table)
	case line.Kind == Begin && line.Table == "":
		return errors.New("a table without a name; this is not iptables-restore input")
	case line.Kind == Begin && f.Table(line.Table) != nil:
		return fmt.Errorf("table %.64q occurs twice; merge the two by hand", line.Table)
	case !open && line.Kind > Begin:
		return fmt.Errorf("%q is outside of a table; this is not iptables-restore input", clip(line.String()))
	}
	return nil
}

func clip(text string) string { return text[:min(len(text), 64)] }

// Bytes is the text: of a file that was read, the very text that was read.
func (f File) Bytes() []byte {
	var text []byte
	for _, b := range f.Blocks {
		text = append(text, b.Bytes()...)
	}
	return text
}

// Bytes is the text of the block.
func (b Block) Bytes() []byte {
	var text []byte
	for _, line := range b.Lines {
		text = append(text, line.Text...)
	}
	return text
}

// Table returns the block of a table, or nil.
func (f File) Table(name string) *Block {
	if i := slices.IndexFunc(f.Blocks, func(b Block) bool { return b.Table == name }); i >= 0 && name != "" {
		return &f.Blocks[i]
	}
	return nil
}

// Delete takes out the lines of the whole file that drop holds for.
func (f *File) Delete(drop func(Line) bool) {
	for i := range f.Blocks {
		f.Blocks[i].Lines = slices.DeleteFunc(f.Blocks[i].Lines, drop)
	}
	f.Blocks = slices.DeleteFunc(f.Blocks, func(b Block) bool { return len(b.Lines) == 0 })
}

// Tidy puts the declarations of each table before its other lines, ends every line,
// and writes those that begin and end a table as iptables-save does: the only spelling
// of COMMIT that iptables-restore takes.
func (f *File) Tidy() {
	for i := range f.Blocks {
		f.Blocks[i].tidy()
	}
}

func (b *Block) tidy() {
	for i, line := range b.Lines {
		switch {
		case line.Kind == Begin:
			b.Lines[i].Text = "*" + line.Table + "\n"
		case line.Kind == Commit:
			b.Lines[i].Text = "COMMIT\n"
		case !strings.HasSuffix(line.Text, "\n"):
			b.Lines[i].Text += "\n"
		}
	}
	slices.SortStableFunc(b.Lines, func(x, y Line) int { return x.place() - y.place() })
}

// place is where a line belongs in a table.
func (l Line) place() int {
	switch l.Kind {
	case Begin:
		return 0
	case Declare:
		return 1
	case Commit:
		return 3
	}
	return 2
}

// Chain returns a chain as the lines of the block declare it and append to it, or nil
// if none declares it.
func (b *Block) Chain(name string) *Chain {
	at := b.Declaration(name)
	if at == nil {
		return nil
	}
	c := Chain{Name: name, Policy: at.Policy, Packets: at.Rule.Packets, Bytes: at.Rule.Bytes}
	for _, line := range b.Lines {
		if line.Kind == Command && line.Chain == name {
			c.Rules = append(c.Rules, line.Rule)
		}
	}
	return &c
}

// Declaration returns the line that declares a chain, or nil.
func (b *Block) Declaration(chain string) *Line {
	if b == nil {
		return nil
	}
	i := slices.IndexFunc(b.Lines, func(l Line) bool { return l.Kind == Declare && l.Chain == chain })
	if i < 0 {
		return nil
	}
	return &b.Lines[i]
}

// Chains returns the lines that declare chains.
func (b Block) Chains() []Line { return b.of(func(k Kind) bool { return k == Declare }) }

// Rules returns the lines between the declarations and COMMIT: commands, comments and
// blank lines.
func (b Block) Rules() []Line {
	return b.of(func(k Kind) bool { return k == Command || k == Comment || k == Blank })
}

func (b Block) of(is func(Kind) bool) (lines []Line) {
	for _, line := range b.Lines {
		if is(line.Kind) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Declared is the line that declares a chain with a policy and counters.
func Declared(c Chain) Line {
	return ParseLine(fmt.Sprintf(":%s %s [%d:%d]\n", c.Name, c.Policy, c.Packets, c.Bytes))
}

// Add puts lines behind the declarations and before all rules: declarations, and then
// rules. The block is tidy.
func (b *Block) Add(lines ...Line) {
	at := slices.IndexFunc(b.Lines, func(l Line) bool { return l.place() > 1 })
	b.Lines = slices.Insert(b.Lines, at, lines...)
}
