package kernelset_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// everyType is a set of each type, and of each option that one can be made with.
const everyType = `create a bitmap:ip range 10.0.0.0-10.0.0.255
create b bitmap:ip range 10.0.0.0-10.0.0.255 netmask 28 timeout 100 counters comment skbinfo
create c bitmap:ip,mac range 10.0.0.0-10.0.0.255 timeout 0 counters
create d bitmap:port range 1-1024 comment
create e hash:ip family inet6 hashsize 64 maxelem 7 netmask 64 timeout 5 counters comment skbinfo forceadd
create f hash:ip family inet bitmask 255.0.255.0
create g hash:ip family inet6 bitmask ffff:ffff::
create h hash:net bucketsize 6 initval 0x00001234 skbinfo
create i hash:ip,port forceadd
create j hash:net,port family inet6 counters
create k hash:ip,port,ip comment
create l hash:ip,port,net timeout 60
create m hash:net,iface family inet6 counters
create n hash:net,net bitmask 255.255.0.0
create o hash:net,port,net family inet6
create p hash:mac timeout 9
create q hash:ip,mac counters
create r hash:ip,mark markmask 0x000000ff forceadd
create s list:set size 3 timeout 30 counters comment skbinfo
`

// The line that makes a set anew has every option that it was made with: the set
// that it makes cannot be told from the first.
func TestDeclared(t *testing.T) {
	var lines []string
	var saved string
	var made []kernelset.Header
	inNamespace(t, "", func() (err error) {
		for line := range strings.Lines(everyType) {
			if out, err := exec.Command("ipset", strings.Fields(line)...).CombinedOutput(); err != nil {
				t.Logf("not here: %s%s", line, out)
			}
		}
		made, err = kernelset.List()
		for _, h := range made {
			// One by one: ipset 7.10 prints options of the set before.
			text, saves := run("", "ipset", "save", h.Name)
			lines, saved, err = append(lines, h.Declared().String()), saved+text, errors.Join(err, saves)
		}
		return err
	})
	if len(made) < 10 {
		t.Fatalf("only %d sets were made", len(made))
	}
	inNamespace(t, strings.Join(lines, "\n")+"\n", func() error {
		again, err := kernelset.List()
		for i, h := range again {
			if h.Declared().String() != lines[i] || h.Memory != made[i].Memory {
				t.Errorf("made by %s\nit is    %s", lines[i], h.Declared().String())
			}
		}
		return err
	})
	if got, want := sortedLines(strings.Join(lines, "\n")+"\n"), sortedLines(saved); got != want {
		t.Errorf("the lines are\n%sand ipset save prints\n%s", got, want)
	}
}

// sortedLines sorts lines, and leaves out forceadd, which ipset 7.17 does not
// print.
func sortedLines(text string) string {
	lines := slices.Sorted(strings.Lines(text))
	return strings.ReplaceAll(strings.Join(lines, ""), " forceadd", "")
}
