package bootfile

import (
	"bytes"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// moduleOptions are in a modprobe.d file.
type moduleOptions struct{}

// States implements Kind.
func (moduleOptions) States(e bundle.SettingEntry) bool { return e.Module != "" }

// Files implements Kind.
func (moduleOptions) Files(stated []bundle.SettingEntry) []bundle.File {
	var b bytes.Buffer
	for _, o := range stated {
		fmt.Fprintf(&b, "# %s\noptions %s %s=%s\n", o.Part, o.Module, o.Option, o.Value)
	}
	return []bundle.File{{Name: bundle.ModProbe, Text: b.Bytes()}}
}
