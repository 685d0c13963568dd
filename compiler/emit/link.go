package emit

import (
	"bytes"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// linkKeys are what systemd.link(5) calls each offload.
var linkKeys = map[ruleset.OffloadName][]string{
	ruleset.GRO: {"GenericReceiveOffload"},
	ruleset.GSO: {"GenericSegmentationOffload"},
	ruleset.TSO: {"TCPSegmentationOffload", "TCP6SegmentationOffload"},
	ruleset.LRO: {"LargeReceiveOffload"},
}

// linkNames is what systemd's own 99-default.link says of names. udev takes one
// file only, so that without these lines an interface would lose the name and
// the address that it has by that file.
const linkNames = `NamePolicy=keep kernel database onboard slot path
AlternativeNamesPolicy=database onboard slot path
MACAddressPolicy=persistent
`

// Links returns a link file of systemd for each network interface.
//
// OriginalName is compared with the name at the moment of the event: that of
// the kernel when an interface comes, and again, since systemd 245 with no new
// naming, that which udev gave it. So both kinds of names do.
func Links(nics []ruleset.NIC) []bundle.File {
	var files []bundle.File
	for _, n := range nics {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s\n\n[Match]\nOriginalName=%s\n\n[Link]\n%s", bundle.Header, n.Name, linkNames)
		for _, o := range n.Offloads {
			fmt.Fprintf(&b, "# %s\n", o.Origin.Part)
			for _, key := range linkKeys[o.Name] {
				fmt.Fprintf(&b, "%s=%t\n", key, o.On)
			}
		}
		if n.Queues.N > 0 {
			fmt.Fprintf(&b, "# %s\nCombinedChannels=%d\n", n.Queues.Origin.Part, n.Queues.N)
		}
		files = append(files, bundle.File{Name: bundle.LinkName(n.Name), Text: b.Bytes()})
	}
	return files
}
