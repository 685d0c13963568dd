package lab

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// allBackends are the two backends that an iptables installation has.
var allBackends = []string{"nft", "legacy"}

// backendsVariable names backends, as "nft legacy". "nft legacy/3" is nft for all tests and
// legacy for one test in three; turnVariable is a number that says for which.
const (
	backendsVariable = "HARDENCTL_TEST_BACKENDS"
	turnVariable     = "HARDENCTL_TEST_TURN"
)

// Backends are those that a test of both tests: both, or those that backendsVariable names.
// make test says which.
var Backends = backends(os.Getenv(backendsVariable))

func backends(named string) []string {
	if named == "" {
		return allBackends
	}
	var chosen []string
	for _, word := range strings.Fields(named) {
		backend, _, _ := strings.Cut(word, "/")
		if !slices.Contains(allBackends, backend) {
			panic(backendsVariable + " names " + word + ", which is not a backend of iptables")
		}
		chosen = append(chosen, backend)
	}
	return chosen
}

// backendsInTurn are the words of backendsVariable for one test: those with a "/" only if it is
// its turn. Each test has its turn in as many turns as the number behind the "/".
func backendsInTurn(named, test string, turn uint64) string {
	hash := fnv.New64a()
	hash.Write([]byte(test))
	words := slices.DeleteFunc(strings.Fields(named), func(word string) bool {
		_, share, _ := strings.Cut(word, "/")
		of, err := strconv.ParseUint(share, 10, 32)
		return err == nil && of > 0 && (hash.Sum64()%of+turn)%of != 0
	})
	return strings.Join(words, " ")
}

// alternatives is the folder of links by which Debian chooses a backend.
const alternatives = "/etc/alternatives"

// UseBackend makes plain iptables, ip6tables and their save and restore mean
// the given backend, "nft" or "legacy", until the end of the test.
func UseBackend(t T, backend string) {
	t.Helper()
	Require(t)
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, part := range []string{"", "-save", "-restore"} {
			link := filepath.Join(alternatives, family+part)
			old, err := os.Readlink(link)
			must(t, err)
			must(t, point(link, family+"-"+backend+part))
			t.Cleanup(func() { must(t, point(link, old)) })
		}
	}
}

// point makes link lead to a program, given by path or by name.
func point(link, program string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	if err := os.Remove(link); err != nil {
		return err
	}
	return os.Symlink(path, link)
}

// FlushState removes every rule, chain and set from the server, of both
// backends, and sets all policies to ACCEPT, so that a test finds a machine
// without a firewall. It removes the entries of conntrack too: a rule may accept
// what belongs to a flow that an earlier test began. Two things stay: tables that
// exist, empty, and kernel settings.
func FlushState(t T) {
	t.Helper()
	Require(t)
	for _, backend := range allBackends {
		must(t, flushRules("iptables-"+backend))
		must(t, flushRules("ip6tables-"+backend))
	}
	must(t, destroySets())
	must(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
}

// flushRules restores what the tool saves, without the rules in it.
func flushRules(tool string) error {
	saved, err := exec.Command(tool + "-save").Output()
	if err != nil {
		return fmt.Errorf("%s-save: %w", tool, err)
	}
	restore := exec.Command(tool + "-restore")
	restore.Stdin = bytes.NewReader(skeleton(saved))
	return ended(restore)
}

// skeleton keeps of iptables-save output the tables and their built-in chains,
// which are those with a policy, and opens them.
func skeleton(saved []byte) []byte {
	var kept bytes.Buffer
	for line := range tablefile.Lines(string(saved)) {
		switch {
		case line.Kind == tablefile.Begin, line.Kind == tablefile.Commit:
			kept.WriteString(line.Text)
		case line.Kind == tablefile.Declare && line.Policy != tablefile.UserPolicy:
			kept.WriteString(tablefile.Declared(tablefile.Chain{Name: line.Chain, Policy: "ACCEPT"}).Text)
		}
	}
	return kept.Bytes()
}

// destroySets destroys every set. The kernel releases a set some moments
// after the last rule that used it is gone, and says busy until then.
func destroySets() error {
	var err error
	for range 20 {
		if err = run("ipset", "destroy"); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
