// Package example has a profile and the report of an attack on it, for the tests of
// the rooms of verify.
package example

import (
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Shop is a profile that makes nearly every promise.
const Shop = `version = 1
description = "A shop"

[policy]
forward = "published"
inside = ["behind0"]

[sets.office]
addresses = ["192.0.2.0/24", "2001:db8:10::/48"]

[sets.crawlers]
addresses = ["66.249.64.0/27"]

[access]
admin = ["@office"]
exempt = ["@crawlers"]
block = ["203.0.113.0/24", "2001:db8:bad::/48"]

[services.http]
ports = ["tcp/80"]

[services.dns]
ports = ["udp/53"]

[services.ssh]
ports = ["tcp/22"]
admin = true
from = ["@office"]

[services.console]
ports = ["tcp/8443", "udp/8443"]
knock = "back-door"

[knocks.back-door]
sequence = ["tcp/20001", "udp/4127", "tcp/9405"]

[scan]
probes = 10
window = "1h"
slow = { probes = 20, window = "1d" }
ban = "1h"
scope = "everything"
proven = "1d"
stealth = true

[udp]
new_per_source = "5/second burst 10"
`

// Read returns a profile and its bundle.
func Read(t *testing.T, text string) (*profile.Profile, *bundle.Bundle) {
	t.Helper()
	files := profile.Folders{Root: fstest.MapFS{"shop.toml": {Data: []byte(text)}}}
	b, diags := compiler.Compile("shop.toml", files)
	if b == nil {
		t.Fatal(diags)
	}
	p, _ := profile.Read("shop.toml", files)
	return p, b
}
