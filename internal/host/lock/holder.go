package lock

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/escape"
	"github.com/hardenctl/hardenctl/internal/host/process"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// Holder says who holds the lock, as far as this host tells: the process that took
// it, or, where that has ended, those that it has left behind.
func (l Lock) Holder() string {
	text, err := safepath.ReadFile(l.Path)
	number, failed := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(string(text)), "process "))
	file, gone := os.Stat(l.Path)
	switch {
	case err != nil || failed != nil || gone != nil:
		return "unknown process"
	case opens(number, file):
		return called(number)
	}
	killed := fmt.Sprintf("process %d, which was killed; a tool that it started is still running", number)
	left := leftBehind(file)
	if len(left) == 0 {
		return killed
	}
	return killed + ": " + strings.Join(left, ", ")
}

// leftBehind are the processes that have the lock open and are not hardenctl.
func leftBehind(file os.FileInfo) (all []string) {
	pids, _ := process.All(proc)
	slices.Sort(pids)
	for _, pid := range pids {
		if inherits(pid, file) {
			all = append(all, called(pid))
		}
	}
	return all
}

// mostWords is how much of a command line is shown.
const mostWords = 100

// called names a process by its number and its command line, which is its own to
// choose: "process 17: hardenctl apply web.toml".
func called(pid int) string {
	text, _ := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "cmdline")) // empty if it has ended
	words := escape.Line(string(bytes.TrimSpace(bytes.ReplaceAll(text, []byte{0}, []byte(" ")))))
	if len(words) > mostWords {
		words = words[:mostWords] + "…"
	}
	if words == "" {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("process %d: %s", pid, words)
}
