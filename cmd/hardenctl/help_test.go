package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
)

// TestHelp holds that every command says what it does, and that each of its
// examples is a command line that it would take.
func TestHelp(t *testing.T) {
	for _, cmd := range commands() {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s lacks a short or a long description, or an example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			if err := takes(strings.TrimSpace(line)); err != nil {
				t.Errorf("help of %s: %s: %v", cmd.CommandPath(), strings.TrimSpace(line), err)
			}
		}
	}
}

// TestCommandsAreInTheTables holds that every command says with which exit codes it
// ends, and which files it reads and writes; and that the tables name no other.
func TestCommandsAreInTheTables(t *testing.T) {
	there, named := map[string]bool{}, map[string]bool{}
	for _, cmd := range newRoot().Commands() {
		there[cmd.Name()] = true
		var codes []int
		for _, row := range exitcode.Of(cmd.Name()) {
			codes = append(codes, row.Code)
		}
		if !slices.Contains(codes, exitcode.OK) || !slices.Contains(codes, exitcode.Error) {
			t.Errorf("%s has the exit codes %v in Table of internal/cli/exitcode: it needs a row for 0 and one for 1", cmd.Name(), codes)
		}
	}
	for _, row := range exitcode.Table {
		for _, name := range row.Commands {
			if !there[name] {
				t.Errorf("there is no command %s, which has the exit code %d", name, row.Code)
			}
		}
	}
	for _, f := range files {
		for _, name := range f.Commands {
			named[name] = true
			if !there[name] {
				t.Errorf("there is no command %s, which is to use %s", name, f.Path)
			}
		}
	}
	for name := range there {
		if named[name] == slices.Contains(withoutFiles, name) {
			t.Errorf("%s: name it either in files of man_test.go, or in withoutFiles", name)
		}
	}
}

// commands returns hardenctl and the commands below it.
func commands() []*cobra.Command {
	root := newRoot()
	return append([]*cobra.Command{root}, root.Commands()...)
}

// takes reports why a command line would be refused. It stops before the
// command runs. Two blanks end the line; what follows says what it does.
func takes(line string) error {
	line, _, _ = strings.Cut(line, "  ")
	args, err := tablefile.Words(line)
	if err != nil {
		return err
	}
	root := newRoot()
	cmd, rest, err := root.Find(args[1:])
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return err
	}
	return cmd.ValidateFlagGroups()
}

// TestExamples runs the examples of the commands that need no root, in the order in
// which help and the manual pages list them. TestHelp parses the others.
func TestExamples(t *testing.T) {
	enter(t, map[string]string{
		"web.toml": "version = 1\ninclude = [\"builtin:web\"]\n",
		"rules.v4": "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set office src -j ACCEPT\nCOMMIT\n",
		"ipsets":   "create office hash:net family inet\n",
	})
	for _, cmd := range []*cobra.Command{newCheck(), newCompile(), newExplain(), newProfiles()} {
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  ")
			if r := run(t, words(t, line)[1:]...); r.code != 0 || r.stdout == "" && !strings.Contains(line, "--check") {
				t.Errorf("%s ends with %d: %s%s", line, r.code, r.stdout, r.stderr)
			}
		}
	}
}

// words splits a command line at its blanks, those in double quotes apart.
func words(t *testing.T, line string) []string {
	t.Helper()
	words, err := tablefile.Words(line)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// TestTakes holds that the test above can fail.
func TestTakes(t *testing.T) {
	for _, line := range []string{
		"hardenctl fly", "hardenctl check --fast", "hardenctl check a b", "hardenctl compile a.toml", "hardenctl apply --lock-timeout soon",
	} {
		if takes(line) == nil {
			t.Errorf("%s would not be taken", line)
		}
	}
}
