package emit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// commented returns a rule with a comment and a log prefix, the two places for
// free text.
func commented(comment, prefix string) string {
	return emit.Rule(ruleset.V4, ruleset.Rule{Comment: comment, Target: ruleset.Log{Prefix: prefix}})
}

func TestQuote(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"log", `log`},
		{"A-b_9", `A-b_9`},
		{"-j", `-j`},
		{"services.ssh", `"services.ssh"`},
		{"two words", `"two words"`},
		{"inner space inner", `"inner space inner"`},
		{`say "no"`, `"say \"no\""`},
		{`it's`, `"it\'s"`},
		{`back\slash`, `"back\\slash"`},
		{`ends in \`, `"ends in \\"`},
		{`\"`, `"\\\""`},
		{"", `""`},
	} {
		want := `-j LOG --log-prefix ` + test.want
		if got := commented("", test.text); got != want {
			t.Errorf("%q: got %s, want %s", test.text, got, want)
		}
	}
}

// FuzzQuote holds that whatever free text a profile may hold comes back as one
// word, and swallows nothing of the rule, when it is read as iptables-restore
// reads.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"log", "two words", `"`, `'`, `\`, `\"`, `a"b\`, "-j ACCEPT", " ", "#", "$x `y`"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, comment, prefix string) {
		if comment == "" || !isLine(comment) || !isLine(prefix) {
			t.Skip("the profile reader refuses it")
		}
		line := commented(comment, prefix)
		words, err := tablefile.Words(line)
		want := []string{"-m", "comment", "--comment", comment, "-j", "LOG", "--log-prefix", prefix}
		if err != nil || !slices.Equal(words, want) {
			t.Errorf("%s\nis read as %q (%v)", line, words, err)
		}
	})
}

// isLine reports whether the text is printable ASCII.
func isLine(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
