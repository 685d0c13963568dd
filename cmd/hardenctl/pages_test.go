package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// inline matches code in a sentence, which a line may break.
var inline = regexp.MustCompile("`([^`]+)`")

// ofOthers are options of iptables and Ansible that the pages name.
var ofOthers = []string{"--hashlimit-htable-max", "--packets-gt", "--tcp-flags", "--update", "--diff"}

// TestPagesNameCommands holds that each command and each option that a page names in a
// sentence is one of hardenctl's.
func TestPagesNameCommands(t *testing.T) {
	named := 0
	for _, page := range pages.Names(t) {
		for _, found := range inline.FindAllStringSubmatch(pages.Prose(pages.Read(t, page)), -1) {
			words := strings.Fields(found[1])
			switch {
			case len(words) > 1 && words[0] == "hardenctl" && words[1] != "COMMAND":
				named++
				wrong(t, page, found[1], words[1:])
			case strings.HasPrefix(found[1], "--") && !slices.Contains(ofOthers, words[0]):
				named++
				if !slices.ContainsFunc(commands(), hasOption(words[0])) {
					t.Errorf("%s names %s, and no command has this option", page, found[1])
				}
			}
		}
	}
	if named < 40 {
		t.Errorf("the pages name only %d commands and options", named)
	}
}

// wrong fails the test if there is no such command, or if it has not the options.
func wrong(t *testing.T, page, text string, words []string) {
	t.Helper()
	cmd, rest, err := newRoot().Find(words)
	if err != nil {
		t.Errorf("%s names %s: %v", page, text, err)
		return
	}
	for _, word := range rest {
		if strings.HasPrefix(word, "-") && !hasOption(word)(cmd) {
			t.Errorf("%s names %s, and %s has no option %s", page, text, cmd.Name(), word)
		}
	}
}

// hasOption says of a command whether it has an option, long or short.
func hasOption(word string) func(*cobra.Command) bool {
	return func(cmd *cobra.Command) bool {
		if long, ok := strings.CutPrefix(word, "--"); ok {
			return cmd.Flags().Lookup(long) != nil
		}
		return cmd.Flags().ShorthandLookup(strings.TrimPrefix(word, "-")) != nil
	}
}
