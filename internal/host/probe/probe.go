// Package probe reads the two sides of a plan from a host: what it has
// (Snapshot), and what a bundle would make of it (Rehearse).
//
// Nothing here changes the host. A rehearsal loads the bundle into a network
// namespace of its own and throws that away; what it may leave behind is a
// kernel module that the rules made the kernel load.
package probe

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-iptables/iptables"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// Tools are the firewall tools of a host.
type Tools struct {
	Version string  `json:"version"` // such as "1.8.9"
	Backend Backend `json:"backend"`
	// Families are those that the kernel has. Without IPv6 ip6tables can load
	// nothing, and there is nothing to protect.
	Families []ruleset.Family `json:"families"`
}

// Backend is the kernel's side of iptables.
type Backend string

// The backends.
const (
	NFT    Backend = "nft"
	Legacy Backend = "legacy"
)

// hasIPv6 is a folder that a kernel booted with ipv6.disable=1 does not have.
const hasIPv6 = "/proc/sys/net/ipv6/conf"

// families returns those that the kernel has.
func families() []ruleset.Family {
	if _, err := os.Stat(hasIPv6); err != nil {
		return []ruleset.Family{ruleset.V4}
	}
	return ruleset.Families[:]
}

// Notes says which family is left out.
func (t Tools) Notes() []string {
	if len(t.Families) == len(ruleset.Families) {
		return nil
	}
	return []string{"this kernel runs without IPv6: IPv6 rules are saved, but not loaded or compared"}
}

// lockWait is how many seconds a restore waits for the lock of xtables, which
// the legacy tools take; without a bound they wait for ever.
const lockWait = "10"

// versionTime is how long iptables may take to say its version.
const versionTime = 5 * time.Second

// ReadTools asks the host's iptables for its version and looks which backend
// its save command belongs to.
func ReadTools() (Tools, error) {
	path, err := tool.Find("iptables")
	if err != nil {
		return Tools{}, err
	}
	if _, err := tool.Run(context.Background(), tool.Command{Name: "iptables", Args: []string{"--version"}, Timeout: versionTime}); err != nil {
		return Tools{}, err
	}
	ipt, err := open(path)
	if err != nil {
		return Tools{}, fmt.Errorf("%s: %w", path, err)
	}
	major, minor, patch := ipt.GetIptablesVersion()
	backend, err := readBackend()
	return Tools{Version: fmt.Sprintf("%d.%d.%d", major, minor, patch), Backend: backend, Families: families()}, err
}

// open has go-iptables ask the tool for its version, for whose answer it would wait
// for ever. A tool that answered a moment ago and hangs now is left behind.
func open(path string) (*iptables.IPTables, error) {
	type answer struct {
		tables *iptables.IPTables
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		tables, err := iptables.New(iptables.Path(path), iptables.Timeout(5))
		answered <- answer{tables, err}
	}()
	select {
	case a := <-answered:
		return a.tables, a.err
	case <-time.After(versionTime):
		return nil, fmt.Errorf("--version did not finish within %s", versionTime)
	}
}

// readBackend follows iptables-save to the program behind it: Debian's and
// Red Hat's are links to xtables-nft-multi or xtables-legacy-multi. A program
// older than the split is the legacy one.
func readBackend() (Backend, error) {
	path, err := tool.Find("iptables-save")
	if err != nil {
		return "", err
	}
	program, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if strings.Contains(filepath.Base(program), "nft") {
		return NFT, nil
	}
	return Legacy, nil
}

// command returns the name of an iptables tool for a family: "save" gives
// iptables-save or ip6tables-save.
func command(family ruleset.Family, name string) string {
	if family == ruleset.V6 {
		return "ip6tables-" + name
	}
	return "iptables-" + name
}

// save returns the tables of one family, with counters. The notes are what the
// tool says of rules that it cannot print. options choose what is saved.
func save(ctx context.Context, family ruleset.Family, options ...string) (tables []tablefile.Table, notes []string, err error) {
	name := command(family, "save")
	text, words, err := tool.RunWithWords(ctx, tool.Command{Name: name, Args: append([]string{"-c"}, options...)})
	if err != nil {
		return nil, nil, unreadable(err)
	}
	parsed, err := tablefile.Parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s printed invalid output: %w", name, err)
	}
	if len(bytes.TrimSpace(text)) == 0 && options == nil {
		if err := checkEmpty(family); err != nil {
			return nil, nil, err
		}
	}
	notes = parsed.Notices
	if words != "" {
		notes = append(notes, strings.Split(words, "\n")...)
	}
	for i, note := range notes {
		notes[i] = name + ": " + strings.TrimPrefix(note, "# ")
	}
	return parsed.Tables, notes, nil
}

// Restore loads rules. Without flush, only the chains that text declares
// change. Counters in the text are taken.
func Restore(ctx context.Context, family ruleset.Family, text []byte, flush bool) error {
	args := []string{"-c", "-w", lockWait}
	if !flush {
		args = append(args, "--noflush")
	}
	_, err := tool.Run(ctx, tool.Command{Name: command(family, "restore"), Args: args, Stdin: text})
	return err
}
