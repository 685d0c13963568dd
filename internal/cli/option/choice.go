package option

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is the value of a flag that takes one of some words.
type choice struct {
	word  string
	words []string
}

// Choice adds a flag that takes one of some words.
func Choice(cmd *cobra.Command, name, word, usage string, words ...string) *string {
	c := &choice{word, words}
	cmd.Flags().Var(c, name, usage+": "+strings.Join(words, ", "))
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return &c.word
}

// Set takes a word.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
	}
	c.word = word
	return nil
}

// String returns the word.
func (c *choice) String() string { return c.word }

// Type is what help calls the value.
func (c *choice) Type() string { return "format" }
