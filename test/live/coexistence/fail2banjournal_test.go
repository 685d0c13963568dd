package coexistence

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/kernellog"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// journalRemote makes a journal of entries in systemd's export format.
const journalRemote = "/lib/systemd/systemd-journal-remote"

// TestJournal has fail2ban read a real journal as the jail says: what the
// kernel wrote is found, and what a program wrote in the kernel's name is not.
// The transport of an entry is journald's own word.
func TestJournal(t *testing.T) {
	lab.Require(t)
	b := run.Compiled(t, "builtin:howto")
	filter := testfile.Write(t, "hardenctl.conf", string(b.File(bundle.Fail2banFilter)))
	_, match, _ := strings.Cut(string(b.File(bundle.Fail2banJail)), "\njournalmatch = ")
	match, _, _ = strings.Cut(match, "\n")

	var entries strings.Builder
	for i, line := range kernellog.Lines(t) {
		_, message, _ := strings.Cut(line, "] ")
		entries.WriteString(entry(i, "kernel", message))
	}
	forged := "IPTables-Dropped: scan IN=eth0 OUT= MAC= SRC=192.0.2.9 DST=192.0.2.1 "
	entries.WriteString(entry(100, "syslog", forged))
	path := filepath.Join(t.TempDir(), "kernel.journal")
	run.WithInput(t, entries.String(), journalRemote, "-o", path, "-")

	journal := fmt.Sprintf(`systemd-journal[journalfiles="%s",journalflags=0]`, path)
	find := func(match string) map[string]int {
		found := map[string]int{}
		for _, source := range strings.Fields(run.WithInput(t, "", "fail2ban-regex", "--out", "ip", "-m", match, journal, filter)) {
			found[source]++
		}
		return found
	}
	// Ten probes and a ban of each.
	if got, want := fmt.Sprint(find(match)), fmt.Sprint(map[string]int{kernellog.ScannerV4: 11, kernellog.ScannerV6: 11}); got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got := find("_TRANSPORT=syslog"); got["192.0.2.9"] != 1 {
		t.Errorf("the forged entry says nothing to the filter, and so proves nothing: %v", got)
	}
}

// entry is one entry of a journal, a second after the one before.
func entry(number int, transport, message string) string {
	at := time.Now().Add(time.Duration(number)*time.Second - 2*time.Minute).UnixMicro()
	uptime := (5*time.Hour + time.Duration(number)*time.Second).Microseconds()
	return fmt.Sprintf(`__REALTIME_TIMESTAMP=%d
__MONOTONIC_TIMESTAMP=%d
_BOOT_ID=0123456789abcdef0123456789abcdef
_TRANSPORT=%s
_HOSTNAME=web
SYSLOG_IDENTIFIER=kernel
_SOURCE_MONOTONIC_TIMESTAMP=%d
MESSAGE=%s

`, at, uptime, transport, uptime, message)
}
