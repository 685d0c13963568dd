package starter

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// File is a file of another tool.
type File struct {
	Name string
	Text []byte
}

// Tool is a firewall that keeps what it lets in files of its own.
type Tool string

// The tools whose files are read.
const (
	CSF       Tool = "csf"
	UFW       Tool = "ufw"
	Firewalld Tool = "firewalld"
)

// ToolOf tells by its content and name which tool a file is of; "" for none.
func ToolOf(f File) Tool {
	text := string(f.Text)
	switch base := path.Base(f.Name); {
	case base == "csf.conf" || base == "csf.allow" || base == "csf.deny" || strings.Contains(text, "\nTCP_IN = "):
		return CSF
	case strings.Contains(text, "\n:INPUT "): // iptables-save on a host of one of them
	case strings.Contains(text, ":ufw-user-input") || strings.Contains(text, ":ufw6-user-input"):
		return UFW
	case strings.Contains(text, "<zone"):
		return Firewalld
	}
	return ""
}

// Tools reads the files of other tools as rules of INPUT in both families, which stand for
// them. The error is of what cannot be read.
func Tools(files []File) (old Old, err error) {
	b := &builder{}
	for _, f := range files {
		old.Files = append(old.Files, f.Name)
	}
	for _, f := range inOrder(files) {
		read := map[Tool]func(*builder, File) error{CSF: (*builder).csf, UFW: (*builder).ufw, Firewalld: (*builder).zone}[ToolOf(f)]
		if read == nil {
			return old, fmt.Errorf("%s is no file of csf, ufw or firewalld that import knows", f.Name)
		}
		if err := read(b, f); err != nil {
			return old, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	for _, family := range ruleset.Families {
		d, err := b.dump(files[0].Name, family)
		if err != nil {
			return old, err
		}
		old.Dumps = append(old.Dumps, d)
	}
	old.Left = b.left
	return old, nil
}

// inOrder puts the files that decide first to the beginning: csf asks csf.allow, then
// csf.deny, then csf.conf.
func inOrder(files []File) (all []File) {
	for _, first := range []string{"csf.allow", "csf.deny", ""} {
		for _, f := range files {
			base := path.Base(f.Name)
			if base == first || first == "" && base != "csf.allow" && base != "csf.deny" {
				all = append(all, f)
			}
		}
	}
	return all
}

// builder makes rules that stand for the lines of files.
type builder struct {
	rules []rule
	left  []Left
}

// rule is a rule of INPUT in some families.
type rule struct {
	families []ruleset.Family
	spec     string
	from     Line
}

// add adds a rule; no family stands for both.
func (b *builder) add(from Line, spec string, families ...ruleset.Family) {
	if families == nil {
		families = ruleset.Families[:]
	}
	b.rules = append(b.rules, rule{families, spec, from})
}

// leave notes a line that no rule stands for.
func (b *builder) leave(at Line, why string) {
	b.left = append(b.left, Left{File: at.File, Line: at.Number, Rule: at.Text, Why: why})
}

// source is the words of a rule that ask for an address or prefix, and its family.
func source(text string) (words string, family ruleset.Family, ok bool) {
	p, err := netip.ParsePrefix(text)
	if a, single := netip.ParseAddr(text); single == nil {
		p, err = a.Prefix(a.BitLen())
	}
	if err != nil {
		return "", 0, false
	}
	family = ruleset.V4
	if p.Addr().Is6() {
		family = ruleset.V6
	}
	return "-s " + p.Masked().String() + " ", family, true
}

// dump is the rules of a family.
func (b *builder) dump(name string, family ruleset.Family) (d Dump, err error) {
	var text strings.Builder
	text.WriteString("*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n")
	d = Dump{File: name, Family: family, Lines: map[exact.RuleID]Line{}}
	number := 1
	for _, r := range b.rules {
		for _, f := range r.families {
			if f == family {
				number++
				fmt.Fprintf(&text, "-A INPUT %s\n", r.spec)
				d.Lines[exact.RuleID{Table: "filter", Chain: "INPUT", Number: number}] = r.from
			}
		}
	}
	text.WriteString("COMMIT\n")
	d.Text = []byte(text.String())
	d.Firewall, err = exact.Read(family, d.Text, nil)
	return d, err
}

// lines yields the lines of a file but empty ones and comments.
func (f File) lines(yield func(Line) bool) {
	number := 0
	for text := range strings.Lines(string(f.Text)) {
		number++
		if text = strings.TrimSpace(text); text == "" || text[0] == '#' {
			continue
		}
		if !yield(Line{f.Name, number, text}) {
			return
		}
	}
}
