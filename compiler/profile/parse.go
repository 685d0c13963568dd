package profile

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// maxRounds is how often a file is parsed again without what was broken in it.
// The first round finds nearly everything; the later ones serve for what only
// the library knows to be wrong between statements.
const maxRounds = 20

// parser turns one file into a tree, and what is broken in it into diagnostics.
type parser struct {
	src        *source
	text       []byte // of src, cleaned; broken statements become blank
	statements []statement
	headers    []int  // by statement: the header above it, or -1
	broken     []bool // by statement
	list       *diag.List
}

// parse reads a file. The tree holds whatever is not broken; it is nil when
// nothing could be read.
func parse(name string, text []byte, list *diag.List) *node {
	p := newParser(newSource(name, text), list)
	for range maxRounds {
		if tree, done := p.round(); done {
			return tree
		}
	}
	list.Errorf("syntax", p.src.position(0), "", "too much is broken to read the rest of the file")
	return nil
}

// newParser scans the source and takes out what the library must not see:
// bytes that are not text, and nesting that would cost it too much time.
func newParser(src *source, list *diag.List) *parser {
	text, bad := src.clean()
	p := &parser{src: src, text: text, statements: scan(string(text)), list: list}
	p.broken = make([]bool, len(p.statements))
	header := -1
	for i, st := range p.statements {
		if st.shape != keyValue {
			header = i
		}
		p.headers = append(p.headers, header)
	}
	p.reportEncoding(bad)
	for i, st := range p.statements {
		if st.fault != sound && !p.broken[i] {
			p.reportFault(i)
		}
	}
	return p
}

// round builds the tree from the statements that are left, and decodes them.
// Where it finds more that is broken it takes that out and is not done.
func (p *parser) round() (tree *node, done bool) {
	b := newBuilder(p.src)
	if !p.build(b) {
		return nil, false
	}
	var decoded map[string]any
	meta, err := toml.Decode(string(p.text), &decoded)
	if err != nil {
		p.reportRefused(err)
		return nil, false
	}
	if !slices.EqualFunc(p.keys(), meta.Keys(), slices.Equal) || !b.root.fill(decoded) {
		p.list.Errorf("syntax", p.src.position(0), "", "the layout of this file is not understood")
		return nil, true
	}
	for i, st := range p.statements {
		if p.broken[i] {
			b.markPartial(p.table(i), st.key)
		}
	}
	bare(b.root, false)
	return b.root, true
}

// build puts every statement that is left into the tree. It reports whether
// nothing is stated twice.
func (p *parser) build(b *builder) bool {
	ok := true
	for i := range p.statements {
		if p.broken[i] {
			continue
		}
		if earlier := b.add(&p.statements[i]); earlier != nil {
			ok = false
			p.reportTwice(i, earlier)
		}
	}
	return ok
}

// remove makes a statement blank. Without its header, what is below it
// would belong to another table, so that goes too.
func (p *parser) remove(i int) {
	isHeader := p.statements[i].shape != keyValue || isHeaderLine(string(p.text[p.statements[i].start:p.statements[i].end]))
	p.blank(i)
	if !isHeader {
		return
	}
	for i++; i < len(p.statements) && p.statements[i].shape == keyValue; i++ {
		p.blank(i)
	}
}

func (p *parser) blank(i int) {
	p.broken[i] = true
	text := p.text[p.statements[i].start:p.statements[i].end]
	for j, c := range text {
		if c != '\n' {
			text[j] = ' '
		}
	}
}

// table is the key of the header above statement i.
func (p *parser) table(i int) []part {
	if h := p.headers[i]; h >= 0 && h != i {
		return p.statements[h].key
	}
	return nil
}

// subject is the dotted path of statement i.
func (p *parser) subject(i int) string {
	path := ""
	for _, key := range [][]part{p.table(i), p.statements[i].key} {
		for _, part := range key {
			path = join(path, part.name)
		}
	}
	return path
}

// reportEncoding reports bytes that are not text, one for each line, and takes
// out the statements that hold them.
func (p *parser) reportEncoding(bad []int) {
	for _, at := range bad {
		p.list.Add(encodingFlaw(p.src.text[at]).at(p.src.position(at), ""))
		i := p.statementAt(at)
		if i < len(p.statements) && p.statements[i].start <= at && !p.broken[i] {
			p.remove(i)
		}
	}
}

// statementAt is the index of the first statement that ends behind at.
func (p *parser) statementAt(at int) int {
	return sort.Search(len(p.statements), func(i int) bool { return p.statements[i].end > at })
}

// reportFault reports what the scanner gave up, in the library's words where
// that has some.
func (p *parser) reportFault(i int) {
	st := p.statements[i]
	at := p.src.position(st.start)
	switch st.fault {
	case tooDeep:
		p.list.Errorf("too-deep", at, "", "nests deeper than %d levels", maxDepth)
		p.remove(i)
	case tooLong:
		p.list.Errorf("bad-name", at, "", "a part of the key is longer than %d bytes", maxKey)
		p.remove(i)
	default:
		if !p.reportAlone(i) {
			p.reportSyntax(i, 0, errors.New("this is not TOML"))
		}
	}
}

// reportAlone reports what the library refuses in statement i by itself.
func (p *parser) reportAlone(i int) (refused bool) {
	st := p.statements[i]
	var decoded map[string]any
	_, err := toml.Decode(string(p.text[st.start:st.end])+"\n", &decoded)
	if err != nil {
		p.reportSyntax(i, st.start, err)
	}
	return err != nil
}

// reportRefused reports what the library refused. It looks at each statement
// by itself, and at the place that the library names only if all are good.
func (p *parser) reportRefused(err error) {
	found := false
	for i := range p.statements {
		if !p.broken[i] && p.reportAlone(i) {
			found = true
		}
	}
	if found {
		return
	}
	var parse toml.ParseError
	errors.As(err, &parse)
	i := min(p.statementAt(parse.Position.Start), len(p.statements)-1)
	for i > 0 && p.broken[i] {
		i--
	}
	p.reportSyntax(i, 0, err)
}

// plainer says in the library's messages what they mean: it saw one statement,
// so that the end of the file is the statement's.
var plainer = strings.NewReplacer(
	"unexpected EOF; expected", "ends too early; expected",
	"unexpected EOF", "ends too early",
	"got end of file", "it ends here",
	`got '\n' instead`, "the line ends",
	"found '\n' instead", "the line ends",
	"strings cannot contain newlines", "the text has no closing quote on its line",
	"expected a top-level item to end with a newline, comment, or EOF", "expected the end of the line",
	"a comma (',') or array terminator (']')", "a comma or ]",
)

// reportSyntax reports err, whose place counts from base, at statement i.
func (p *parser) reportSyntax(i, base int, err error) {
	st := p.statements[i]
	at, message := st.start, err.Error()
	var parse toml.ParseError
	if errors.As(err, &parse) {
		at, message = base+parse.Position.Start, parse.Message
	}
	at = max(st.start, min(at, st.end-1))
	p.list.Add(diag.Diagnostic{
		Code: "syntax", Position: p.src.position(at), Subject: p.subject(i),
		Message: cut(plainer.Replace(message)), Suggestion: syntaxHelp(string(p.text[st.start:st.end])),
	})
	p.remove(i)
}

// reportTwice reports that statement i states something again.
func (p *parser) reportTwice(i int, earlier *node) {
	p.list.Add(diag.Diagnostic{
		Code:       "duplicate-key",
		Position:   p.src.position(p.statements[i].key[0].at),
		Subject:    earlier.path,
		Message:    fmt.Sprintf("is already stated in line %d, column %d", earlier.key.Line, earlier.key.Column),
		Suggestion: "keep one of the two",
	})
	p.remove(i)
}
