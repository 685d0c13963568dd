package host_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
)

// Now reads rules and sets of any owner as they are, and changes nothing.
func TestNow(t *testing.T) {
	b := newBench(t)
	plane := b.Plane()
	b.must(plane.Sets.Create(context.Background(), setfile.Sets([]byte("create jail hash:ip family inet timeout 600\n"))...))
	b.must(plane.Sets.Load(context.Background(), []byte("add jail 203.0.113.9\n")))
	b.must(plane.Rules.Load(context.Background(), ruleset.V4, []byte("*filter\n-A INPUT -m set --match-set jail src -j DROP\nCOMMIT\n"), false))
	before := b.String()
	now, err := b.host.Now(context.Background())
	b.must(err)
	if !strings.Contains(string(now.Members), "create jail ") || !strings.Contains(string(now.Members), "add jail 203.0.113.9") {
		t.Errorf("members: %s", now.Members)
	}
	if now.Applied != nil || len(now.Have.Sets) != 1 || len(now.Families) != 2 {
		t.Errorf("%+v", now)
	}
	if b.String() != before {
		t.Errorf("it changed the host:\n%s\nwas\n%s", b.String(), before)
	}
}
