package kernelset

import (
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Types that a kernel may not have are written as ipset 7.17 writes them too.
func TestDeclaredOfRareTypes(t *testing.T) {
	for want, h := range map[string]Header{
		"create a hash:mac hashsize 64 maxelem 9 timeout 5": {Type: "hash:mac", HashSize: 64, MaxElem: 9, HasTimeout: true, Timeout: 5 * time.Second},
		"create a hash:ip,mark family inet markmask 0x000000ff hashsize 64 maxelem 9 counters forceadd": {
			Type: "hash:ip,mark", Family: ruleset.V4, HashSize: 64, MaxElem: 9, Counters: true, ForceAdd: true, Options: Options{markMask: 255}},
		"create a hash:new family inet6 hashsize 64 maxelem 9 comment": {Type: "hash:new", Family: ruleset.V6, HashSize: 64, MaxElem: 9, Comments: true},
		"create a list:set size 8":                                     {Type: "list:set", Options: Options{size: 8}},
	} {
		h.Name = "a"
		if got := h.Declared().String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
