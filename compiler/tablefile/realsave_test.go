package tablefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// What iptables-save prints of a golden bundle, with counters, is printed again byte for
// byte but for its comments, on both backends and for both families.
func TestRealSaves(t *testing.T) {
	folders, _ := filepath.Glob(filepath.Join("..", "..", "golden", "*", bundle.RulesV4)) // the pattern is good
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			t.Setenv("XTABLES_LOCKFILE", filepath.Join(t.TempDir(), "lock"))
			for _, rules := range folders {
				inNamespace(t, func() error { return saveOf(t, filepath.Dir(rules), backend) })
			}
		})
	}
}

// saveOf loads a bundle in the namespace in which it is called, and compares the saves.
func saveOf(t *testing.T, folder, backend string) error {
	sets, err := os.ReadFile(filepath.Join(folder, bundle.Sets))
	if err == nil {
		_, err = pipe(sets, "ipset", "restore")
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for name, tools := range map[string]string{bundle.RulesV4: "iptables-" + backend, bundle.RulesV6: "ip6tables-" + backend} {
		rules, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if _, err = pipe(counted(rules), tools+"-restore", "-c"); err != nil {
			return err
		}
		text, err := pipe(nil, tools+"-save", "-c")
		if err != nil {
			return err
		}
		compareSave(t, folder+"/"+name+" with "+tools, text)
	}
	return nil
}

func compareSave(t *testing.T, what string, text []byte) {
	t.Helper()
	f, err := tablefile.Read(text)
	if err != nil || !bytes.Equal(f.Bytes(), text) {
		t.Errorf("%s as a file: %v", what, err)
	}
	f.Delete(func(l tablefile.Line) bool { return l.Kind == tablefile.Comment })
	save, err := tablefile.Parse(text)
	if got := tablefile.Render(save.Tables, true); err != nil || !bytes.Equal(got, f.Bytes()) {
		t.Errorf("%s: %v: printed\n%s\nand not\n%s", what, err, got, f.Bytes())
	}
	if n := len(slices.Collect(tablefile.Lines(string(text)))); n < 10 {
		t.Errorf("%s: only %d lines", what, n)
	}
}

// counted gives the rules of a file counters, as a host that has seen packets has them.
func counted(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\n-A "), []byte("\n[7:420] -A "))
}

func pipe(input []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(input)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, said.String())
	}
	return out, nil
}
