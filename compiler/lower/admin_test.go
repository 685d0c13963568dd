package lower_test

import (
	"reflect"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// What an apply must prove: the sets of admin addresses, and each admin service
// with its ports, its sources and its knock.
func TestAdminAccess(t *testing.T) {
	const text = `
access.admin = ["192.0.2.7", "2001:db8::7"]
services.ssh = { ports = ["tcp/22"], admin = true, from = ["198.51.100.0/24"], knock = "door" }
services.vpn = { ports = ["udp/51820-51821"], admin = true }
services.web.ports = ["tcp/80"]
knocks.door.sequence = ["tcp/7000", "udp/8000"]
`
	port := func(protocol ruleset.Protocol, first, last uint16) ruleset.Port {
		return ruleset.Port{Protocol: protocol, PortRange: ruleset.PortRange{First: first, Last: last}}
	}
	want := ruleset.Access{
		Admin: []string{"hardenctl-admin-v4", "hardenctl-admin-v6"},
		Services: []ruleset.AdminService{
			{Name: "ssh", Ports: []ruleset.Port{port("tcp", 22, 22)}, From: []string{"hardenctl-f-ssh-v4"},
				Knock: []ruleset.Port{port("tcp", 7000, 7000), port("udp", 8000, 8000)}},
			{Name: "vpn", Ports: []ruleset.Port{port("udp", 51820, 51821)}},
		},
	}
	got := lowered(t, text).Access
	for i := range got.Services {
		if got.Services[i].Origin.Part != "services."+got.Services[i].Name {
			t.Errorf("%s comes from %+v", got.Services[i].Name, got.Services[i].Origin)
		}
		got.Services[i].Origin = ruleset.Origin{}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	// Where IPv6 is off on purpose, no access by it is to be proven.
	closed := lowered(t, "policy.ipv6 = false\n"+text).Access
	if want := []string{"hardenctl-admin-v4"}; !reflect.DeepEqual(closed.Admin, want) {
		t.Errorf("without IPv6: %v, want %v", closed.Admin, want)
	}
}
