package bootfile

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

func TestLinks(t *testing.T) {
	entry := func(option, value string) bundle.SettingEntry {
		return bundle.SettingEntry{NIC: "eth0.100", Option: option, Value: value, Origin: bundle.Origin{Part: "nics.eth0.100." + option}}
	}
	files := Files([]bundle.SettingEntry{entry("gro", "on"), entry("tso", "off"), entry("lro", "off"), entry(bundle.Queues, "4")})
	const want = bundle.Header + `

[Match]
OriginalName=eth0.100

[Link]
NamePolicy=keep kernel database onboard slot path
AlternativeNamesPolicy=database onboard slot path
MACAddressPolicy=persistent
# nics.eth0.100.gro
GenericReceiveOffload=true
# nics.eth0.100.tso
TCPSegmentationOffload=false
TCP6SegmentationOffload=false
# nics.eth0.100.lro
LargeReceiveOffload=false
# nics.eth0.100.queues
CombinedChannels=4
`
	if len(files) != 1 || files[0].Name != "nics/eth0.100.link" || string(files[0].Text) != want {
		t.Errorf("got %q, want\n%s", files, want)
	}
}
