package option

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Allow adds --allow, which lets profiles use files of other folders.
func Allow(cmd *cobra.Command) *[]string {
	var allowed folders
	cmd.Flags().Var(&allowed, "allow", "folder, besides the profile's own, that it may include files from")
	return (*[]string)(&allowed)
}

// folders is the value of a flag that takes folders. They are looked for with the
// command line, before anything else is done.
type folders []string

// Set adds what a flag was given: one, or several between commas.
func (f *folders) Set(value string) error {
	for path := range strings.SplitSeq(value, ",") {
		if stat, err := os.Stat(path); err != nil || !stat.IsDir() {
			return fmt.Errorf("there is no folder %q", path)
		}
		*f = append(*f, path)
	}
	return nil
}

// String returns what was given.
func (f *folders) String() string { return strings.Join(*f, ",") }

// Type is what help calls the value.
func (f *folders) Type() string { return "folders" }
