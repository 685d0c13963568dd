package exact

import (
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Rules as they are found on hosts, in the form of iptables-save, do what the engine says.
func TestDumps(t *testing.T) {
	s := rulesetSite(t, lab.Backends[0])
	files, err := filepath.Glob("testdata/*.v4")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text := interfaceNames.Replace(string(read(t, file)))
		text = anyLimit.ReplaceAllString(text, "-m limit --limit 10000/sec --limit-burst 10000")
		for _, sends := range []bool{false, true} {
			lab.FlushState(t)
			if sends { // what the server refuses itself, it would answer to itself
				text = refusal.ReplaceAllString(text, "-j DROP")
			}
			g := &generator{family: ruleset.V4, sends: sends, dump: true}
			found, err := compareRuleset(t, s, g, text, rand.New(rand.NewPCG(5, 5)), -1)
			if err != nil || found.text != "" {
				t.Errorf("%s: %v\n%s", file, err, found.text)
			}
		}
	}
	tried.report(t)
}

// interfaceNames are those of this test for those of the dumps.
var interfaceNames = strings.NewReplacer("virbr0", "lan0", "br-5e2a1c0d9f3b", "br-0")

var refusal = regexp.MustCompile(`-j REJECT --reject-with \S+`)

// anyLimit is a limit that many packets would use up.
var anyLimit = regexp.MustCompile(`-m limit --limit \S+( --limit-burst \d+)?`)
