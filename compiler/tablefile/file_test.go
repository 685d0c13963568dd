package tablefile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// goldenRules are the rules files of every golden bundle.
func goldenRules(t *testing.T) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	for _, name := range []string{bundle.RulesV4, bundle.RulesV6, bundle.ClosedV4, bundle.ClosedV6} {
		found, _ := filepath.Glob(filepath.Join("..", "..", "golden", "*", name)) // the pattern is good
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = text
		}
	}
	if len(texts) < 20 {
		t.Fatalf("only %d rules files in golden", len(texts))
	}
	return texts
}

// Every rules file of a golden bundle is printed as it was read: by File with its
// header, by Render without.
func TestGoldenRoundTrip(t *testing.T) {
	for path, text := range goldenRules(t) {
		f, err := tablefile.Read(text)
		if err != nil || !bytes.Equal(f.Bytes(), text) {
			t.Errorf("%s as a file: %v", path, err)
		}
		f.Tidy()
		if !bytes.Equal(f.Bytes(), text) {
			t.Errorf("%s is not tidy", path)
		}
		save, err := tablefile.Parse(text)
		if want := strings.TrimPrefix(string(text), bundle.Header+"\n"); err != nil || string(tablefile.Render(save.Tables, false)) != want {
			t.Errorf("%s as a save: %v", path, err)
		}
	}
}

// foreign is what a person may write: the two commands of which iptables-save prints
// none, counters, comments, declarations behind rules, and ends of lines of all kinds.
const foreign = "# mine\r\n\n*filter\n:INPUT ACCEPT [12:345]\n# the office\n[3:180] -A INPUT  -s 192.0.2.9/32 -j MINE\n" +
	":MINE - [0:0]\n-I FORWARD 2 -j LOG\n-F\n COMMIT\n*raw\nCOMMIT\n# end"

func TestFile(t *testing.T) {
	f, err := tablefile.Read([]byte(foreign))
	if err != nil || string(f.Bytes()) != foreign {
		t.Fatalf("%v: got %q", err, f.Bytes())
	}
	input := f.Table("filter").Chain("INPUT")
	if input == nil || input.Policy != "ACCEPT" || input.Bytes != 345 || len(input.Rules) != 1 || input.Rules[0].Packets != 3 || input.Rules[0].Target() != "MINE" {
		t.Errorf("chain INPUT is %+v", input)
	}
	if f.Table("") != nil || f.Table("nat") != nil || f.Table("nat").Chain("INPUT") != nil || f.Table("raw").Chain("INPUT") != nil {
		t.Error("found what is not there")
	}
	f.Tidy()
	f.Table("filter").Add(tablefile.ParseLine(":NEW - [0:0]\n"), tablefile.ParseLine("-A INPUT -j NEW\n"))
	want := "# mine\r\n\n*filter\n:INPUT ACCEPT [12:345]\n:MINE - [0:0]\n:NEW - [0:0]\n-A INPUT -j NEW\n# the office\n" +
		"[3:180] -A INPUT  -s 192.0.2.9/32 -j MINE\n-I FORWARD 2 -j LOG\n-F\nCOMMIT\n*raw\nCOMMIT\n# end\n"
	if got := string(f.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	f.Delete(func(l tablefile.Line) bool { return l.Table != "raw" })
	if got := string(f.Bytes()); got != "*raw\nCOMMIT\n" {
		t.Errorf("left is %q", got)
	}
}

// A line with another rule keeps all that is before and behind its rule.
func TestLineWithRule(t *testing.T) {
	l := tablefile.ParseLine("[3:180]  -A  INPUT   -p tcp -j MINE \r\n")
	if l.Rule.Packets != 3 || l.Rule.Spec != "-p tcp -j MINE" {
		t.Fatalf("got %+v", l.Rule)
	}
	if got := l.WithRule(l.Rule.WithTarget("DROP")); got.Text != "[3:180]  -A  INPUT   -p tcp -j DROP \r\n" || got.Rule.Target() != "DROP" {
		t.Errorf("got %q", got.Text)
	}
}

// Every line knows its table, and no line is lost.
func FuzzLines(f *testing.F) {
	f.Add(foreign)
	f.Add(example)
	f.Add("*filter\nCOMMIT\n-A INPUT\n*nat")
	f.Fuzz(func(t *testing.T, text string) {
		var again strings.Builder
		for line := range tablefile.Lines(text) {
			again.WriteString(line.Text)
			if line.Kind == tablefile.Command && line.WithRule(line.Rule).Text != line.Text {
				t.Errorf("%q becomes %q", line.Text, line.WithRule(line.Rule).Text)
			}
		}
		if again.String() != text {
			t.Errorf("%q becomes %q", text, again.String())
		}
		file, err := tablefile.Read([]byte(text))
		if err != nil {
			return
		}
		if string(file.Bytes()) != text {
			t.Errorf("%q is printed as %q", text, file.Bytes())
		}
		file.Tidy()
		tidy := string(file.Bytes())
		file.Tidy()
		if read, err := tablefile.Read([]byte(tidy)); err != nil || string(read.Bytes()) != tidy || string(file.Bytes()) != tidy {
			t.Errorf("%q is tidied to %q: %v", text, tidy, err)
		}
	})
}
