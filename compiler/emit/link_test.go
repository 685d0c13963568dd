package emit_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

func TestLinks(t *testing.T) {
	files := emit.Links([]ruleset.NIC{{Name: "eth0.100", Offloads: []ruleset.Offload{
		{Name: ruleset.GRO, On: true, Origin: origin("nics.eth0.100.gro")},
		{Name: ruleset.TSO, Origin: origin("nics.eth0.100.tso")},
		{Name: ruleset.LRO, Origin: origin("nics.eth0.100.lro")},
	}, Queues: ruleset.Queues{N: 4, Origin: origin("nics.eth0.100.queues")}}})
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
