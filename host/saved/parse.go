package saved

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseError says which line of a save is not what iptables-save prints.
type ParseError struct {
	// Line counts from 1.
	Line    int
	Message string
}

// Error returns "line 12: …".
func (e *ParseError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Parse reads the text of an iptables-save, with or without counters (-c). An
// empty text is a save without tables: whether that can be true is for the
// caller to judge, since iptables-save on a full disk leaves an empty file and
// exits 0. For the same reason a table without its COMMIT is an error. An error
// is a *ParseError.
//
// Rules keep their order within a chain; a text in which rules of several
// chains alternate is taken, though no tool prints it.
func Parse(text []byte) (Save, error) {
	p := parser{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if err := p.line(strings.Trim(line, " \t\r\n"), number); err != nil {
			return Save{}, &ParseError{number, err.Error()}
		}
	}
	if p.table != nil {
		return Save{}, &ParseError{p.opened, fmt.Sprintf("table %s does not end in COMMIT: the save is cut off", p.table.Name)}
	}
	return p.save, nil
}

// parser holds the table that is open, if any.
type parser struct {
	save   Save
	table  *Table
	opened int            // the line at which table began
	chains map[string]int // the chains of table, as indexes
}

func (p *parser) line(line string, number int) error {
	switch {
	case line == "":
		return nil
	case strings.IndexByte(line, 0) >= 0:
		return fmt.Errorf("holds a NUL byte, at which iptables-restore would end the line")
	case line[0] == '#':
		p.comment(line)
		return nil
	case line[0] == '*':
		p.opened = number
		return p.open(line[1:])
	case p.table == nil:
		return fmt.Errorf("%s stands outside a table", quote(line))
	case line == "COMMIT":
		return p.commit()
	case line[0] == ':':
		return p.declare(line[1:])
	}
	return p.rule(line)
}

// comment keeps what is a notice. The wordings are those of iptables 1.8.
func (p *parser) comment(line string) {
	text := strings.TrimLeft(line, "# \t")
	if strings.HasPrefix(text, "Warning: ") || strings.Contains(text, "is incompatible, use 'nft' tool") {
		p.save.Notices = append(p.save.Notices, text)
	}
}

func (p *parser) open(name string) error {
	switch {
	case p.table != nil:
		return fmt.Errorf("table %s begins before table %s has its COMMIT", quote(name), p.table.Name)
	case name == "" || strings.ContainsAny(name, " \t"):
		return fmt.Errorf("%s is not the name of a table", quote(name))
	case p.save.Table(name) != nil:
		return fmt.Errorf("table %s stands there a second time", quote(name))
	}
	p.table, p.chains = &Table{Name: name}, map[string]int{}
	return nil
}

func (p *parser) commit() error {
	p.save.Tables = append(p.save.Tables, *p.table)
	p.table = nil
	return nil
}

// declare reads "NAME POLICY [packets:bytes]", in which the counters may be
// missing.
func (p *parser) declare(line string) error {
	name, rest := word(line)
	policy, rest := word(rest)
	chain := Chain{Name: name, Policy: policy}
	switch {
	case name == "" || policy == "":
		return fmt.Errorf("%s does not declare a chain and its policy", quote(":"+line))
	case p.known(name):
		return fmt.Errorf("chain %s is declared a second time", quote(name))
	}
	if rest != "" {
		var err error
		if chain.Packets, chain.Bytes, rest, err = counters(rest); err != nil {
			return err
		}
	}
	if rest != "" {
		return fmt.Errorf("%s follows the declaration of chain %s", quote(rest), quote(name))
	}
	p.chains[name] = len(p.table.Chains)
	p.table.Chains = append(p.table.Chains, chain)
	return nil
}

func (p *parser) known(chain string) bool {
	_, known := p.chains[chain]
	return known
}

// rule reads "[packets:bytes] -A CHAIN SPEC", in which the counters may be
// missing.
func (p *parser) rule(line string) error {
	var r Rule
	rest := line
	if line[0] == '[' {
		var err error
		if r.Packets, r.Bytes, rest, err = counters(line); err != nil {
			return err
		}
	}
	command, rest := word(rest)
	if command != "-A" {
		return fmt.Errorf("%s is nothing that iptables-save prints", quote(line))
	}
	name, spec := word(rest)
	i, known := p.chains[name]
	if !known {
		return fmt.Errorf("%s appends to a chain that is not declared", quote(line))
	}
	r.Spec = spec
	p.table.Chains[i].Rules = append(p.table.Chains[i].Rules, r)
	return nil
}

// counters reads "[packets:bytes]" from the front of text.
func counters(text string) (packets, bytes uint64, rest string, err error) {
	inside, rest, closed := strings.Cut(text, "]")
	first, second, found := strings.Cut(strings.TrimPrefix(inside, "["), ":")
	if !closed || !found || inside[0] != '[' {
		return 0, 0, "", fmt.Errorf("%s does not begin with counters like [12:345]", quote(text))
	}
	packets, err = strconv.ParseUint(first, 10, 64)
	if err == nil {
		bytes, err = strconv.ParseUint(second, 10, 64)
	}
	if err != nil {
		return 0, 0, "", fmt.Errorf("%s are not counters: each is a number of at most 64 bits", quote(inside+"]"))
	}
	return packets, bytes, strings.TrimLeft(rest, " \t"), nil
}

// word cuts the first word off text, and the blanks after it.
func word(text string) (first, rest string) {
	i := strings.IndexAny(text, " \t")
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimLeft(text[i:], " \t")
}

// maxQuote is the most bytes of a line that an error quotes.
const maxQuote = 120

// quote makes a part of a save fit to be printed.
func quote(text string) string {
	if len(text) > maxQuote {
		return strconv.QuoteToGraphic(text[:maxQuote]) + "…"
	}
	return strconv.QuoteToGraphic(text)
}
