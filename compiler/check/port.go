package check

import (
	"fmt"

	"hardenctl/compiler/profile"
)

// portText writes a port as profiles do.
func portText(p profile.Port) string {
	if p.First == p.Last {
		return fmt.Sprintf("%s/%d", p.Protocol, p.First)
	}
	return fmt.Sprintf("%s/%d-%d", p.Protocol, p.First, p.Last)
}
