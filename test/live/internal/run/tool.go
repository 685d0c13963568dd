package run

import (
	"os/exec"
	"strings"
	"testing"
)

// Tool runs one of the host's own tools with arguments separated by blanks.
func Tool(t *testing.T, line string) string {
	t.Helper()
	words := strings.Fields(line)
	return WithInput(t, "", words[0], words[1:]...)
}

// WithInput runs a program on a text and returns its standard output, without standard
// error: iptables-nft-save warns there of tables of the legacy backend.
func WithInput(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, words strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &words
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, &words)
	}
	return out.String()
}
