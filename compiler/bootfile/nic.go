package bootfile

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// linkKeys are what systemd.link(5) calls each offload, and the queues.
var linkKeys = map[string][]string{
	string(ruleset.GRO): {"GenericReceiveOffload"},
	string(ruleset.GSO): {"GenericSegmentationOffload"},
	string(ruleset.TSO): {"TCPSegmentationOffload", "TCP6SegmentationOffload"},
	string(ruleset.LRO): {"LargeReceiveOffload"},
	bundle.Queues:       {"CombinedChannels"},
}

// linkNames is what systemd's own 99-default.link says of names. udev takes one
// file only, so that without these lines an interface would lose the name and
// the address that it has by that file.
const linkNames = `NamePolicy=keep kernel database onboard slot path
AlternativeNamesPolicy=database onboard slot path
MACAddressPolicy=persistent
`

// nics are in a link file of systemd for each network interface.
//
// OriginalName is compared with the name at the moment of the event: that of
// the kernel when an interface comes, and again, since systemd 245 with no new
// naming, that which udev gave it. So both kinds of names do.
type nics struct{}

// States implements Kind.
func (nics) States(e bundle.SettingEntry) bool { return e.NIC != "" }

// Files implements Kind.
func (nics) Files(stated []bundle.SettingEntry) []bundle.File {
	var files []bundle.File
	for i, e := range stated {
		if i == 0 || e.NIC != stated[i-1].NIC {
			head := fmt.Sprintf("%s\n\n[Match]\nOriginalName=%s\n\n[Link]\n%s", bundle.Header, e.NIC, linkNames)
			files = append(files, bundle.File{Name: bundle.LinkName(e.NIC), Text: []byte(head)})
		}
		text := &files[len(files)-1].Text
		*text = fmt.Appendf(*text, "# %s\n", e.Part)
		for _, key := range linkKeys[e.Option] {
			*text = fmt.Appendf(*text, "%s=%s\n", key, linkValue(e.Value))
		}
	}
	return files
}

// linkValue is a value as systemd.link(5) has it.
func linkValue(value string) string {
	switch value {
	case "on":
		return "true"
	case "off":
		return "false"
	}
	return value
}
