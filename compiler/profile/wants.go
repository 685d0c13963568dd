package profile

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// What some texts must be, for "must be …, not …".
const (
	aDuration   = `a duration such as "60s"`
	aPercentage = `a percentage such as "50%"`
)

// want reports whether n is of kind k, and otherwise what it is instead.
func want(n *node, k kind, what string, list *diag.List) bool {
	if n.kind == k {
		return true
	}
	d := diag.Diagnostic{
		Code: "wrong-type", Position: n.value, Subject: n.path,
		Message: fmt.Sprintf("must be %s, not %s", what, n.describe()),
	}
	switch text, _ := n.scalar.(string); {
	case k == kindArray && n.kind == kindString:
		d.Suggestion = fmt.Sprintf("write it in brackets: [%s]", quote(text))
	case k == kindBool && (text == "true" || text == "false"), k == kindInteger && isDigits(text):
		d.Suggestion = fmt.Sprintf("write %s without quotes", text)
	case k == kindBool && n.name == "admin":
		d.Suggestion = "write true; list the addresses in [access], as admin = [...]"
	case k == kindBool && (yesWord.MatchString(text) || n.scalar == int64(1)):
		d.Suggestion = "write true"
	case k == kindBool && (noWord.MatchString(text) || n.scalar == int64(0)):
		d.Suggestion = "write false"
	case k == kindTable:
		d.Suggestion = tableHelp(n)
	case k == kindString && n.kind == kindInteger:
		d.Suggestion = textOfNumber(n, what)
	}
	list.Add(d)
	return false
}

// textOfNumber says what to write instead of a number where a text is wanted;
// nothing where the words to choose from are in the message.
func textOfNumber(n *node, what string) string {
	switch {
	case what == aDuration:
		return fmt.Sprintf(`write "%ds" for seconds`, n.scalar)
	case what == aPercentage:
		return fmt.Sprintf(`write "%d%%"`, n.scalar)
	case strings.HasSuffix(n.path, ".ports") || strings.HasSuffix(n.path, ".tripwires") || strings.HasSuffix(n.path, ".sequence"):
		return fmt.Sprintf(`write "tcp/%d" or "udp/%[1]d"`, n.scalar)
	case what == "text":
		return "write it in quotes"
	}
	return ""
}

// texts returns the elements of a list of texts. Others, and those that are
// twice, are reported and left out.
func texts(n *node, what string, list *diag.List) []*node {
	if isEdit(n) {
		start(n, list)
	}
	if n.kind == kindTable && len(n.children) > 0 {
		notEdits(n, list)
		return nil
	}
	if !want(n, kindArray, what, list) {
		return nil
	}
	var found []*node
	seen := map[string]bool{}
	for _, c := range n.children {
		if !want(c, kindString, "text", list) {
			continue
		}
		text := c.scalar.(string)
		if seen[text] {
			list.Add(diag.Diagnostic{
				Code: "duplicate", Severity: diag.Warning, Position: c.value, Subject: c.path,
				Message: quote(text) + " is listed twice",
			})
			continue
		}
		seen[text] = true
		found = append(found, c)
	}
	return found
}

// describe says what a node is, for "must be …, not …".
func (n *node) describe() string {
	switch n.kind {
	case kindString:
		return "the text " + quote(n.scalar.(string))
	case kindInteger:
		return fmt.Sprintf("the number %d", n.scalar)
	case kindFloat:
		return fmt.Sprintf("the number %v", n.scalar)
	case kindBool:
		return fmt.Sprint(n.scalar)
	case kindTime:
		return "a time"
	case kindArray:
		return "a list"
	case kindTables:
		return "a list of tables"
	}
	return "a table"
}

// noun says what an unknown key is.
func (n *node) noun() string {
	if n.kind == kindTable || n.kind == kindTables {
		return "table"
	}
	return "key"
}

// checkLine checks text that must be printable ASCII, from least to most bytes,
// and without any byte of forbidden.
func checkLine(text string, least, most int, forbidden string) *flaw {
	f := &flaw{Code: "bad-text"}
	switch {
	case len(text) < least:
		f.Message = "is empty"
	case len(text) > most:
		f.Message = fmt.Sprintf("%s is longer than %d bytes", quote(text), most)
	case !isPrintable(text):
		f.Message = quote(text) + " is not printable ASCII"
		f.Suggestion = "use one line of letters, digits and signs of ASCII"
	case strings.ContainsAny(text, forbidden):
		f.Message = quote(text) + " holds a quote or a backslash"
		f.Note = "iptables reads those in its own way, and the rule could lose its target"
	default:
		return nil
	}
	return f
}

// known lists the words that are good in a place, for the note of a message.
func known(what string, words []string) string {
	const most = 20
	switch {
	case len(words) == 0:
		return ""
	case len(words) > most:
		return fmt.Sprintf("%s %s, and %d more", what, strings.Join(words[:most], ", "), len(words)-most)
	}
	return what + " " + strings.Join(words, ", ")
}

func didYouMean(word string, candidates []string) string {
	if near, ok := nearest(word, candidates); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// list joins words for a message.
func list[T ~string](words []T) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", string(w))
	}
	return strings.Join(quoted, ", ")
}

func plain[T ~string](words []T) []string {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = string(w)
	}
	return plain
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
