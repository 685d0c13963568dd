package bootfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// sysctls are in a sysctl.d file, each under a comment that says which part of the
// profile states it.
//
// A key for every interface is written three times: for all, for default, and
// as a glob with a leading "-". systemd-sysctl and procps 4 understand the glob;
// older procps ignores the line because of the "-".
type sysctls struct{}

// States implements Kind.
func (sysctls) States(e bundle.SettingEntry) bool {
	return e.Kind == "" && e.Module == "" && e.NIC == ""
}

// Files implements Kind.
func (sysctls) Files(stated []bundle.SettingEntry) []bundle.File {
	var b bytes.Buffer
	part := ""
	for _, s := range stated {
		if s.Part != part {
			part = s.Part
			fmt.Fprintf(&b, "# %s\n", part)
		}
		if prefix, suffix, glob := strings.Cut(s.Key, ".*."); glob {
			for _, name := range []string{"all", "default"} {
				fmt.Fprintf(&b, "%s.%s.%s = %s\n", prefix, name, suffix, s.Value)
			}
			b.WriteByte('-')
		}
		fmt.Fprintf(&b, "%s = %s\n", s.Key, s.Value)
	}
	return []bundle.File{{Name: bundle.Sysctl, Text: b.Bytes()}}
}
