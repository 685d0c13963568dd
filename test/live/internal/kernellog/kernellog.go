// Package kernellog has lines of the log that a real kernel has written about refused
// packets.
package kernellog

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// Path is the file of the recorded lines.
const Path = "../testdata/kernel.log"

// Lines are as the kernel wrote them: "[ 5096.727206] IPTables-… ".
func Lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(Path)
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// The addresses of the scanner in the recorded lines.
const (
	ScannerV4 = "203.0.113.66"
	ScannerV6 = "2001:db8:bad:66::66"
)

// A LOG rule is silent in a network namespace, unless the setting
// nf_log_all_netns of the whole machine says otherwise. Tests leave that alone
// and read lines that a kernel wrote once: with -record, TestKernelLog sets it,
// has every reason logged, and puts it back.
var Record = flag.Bool("record", false, "write testdata/kernel.log, with nf_log_all_netns set meanwhile")
