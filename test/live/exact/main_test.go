// Package exact holds what compiler/exact says of packets against the kernel: for each rule
// a packet is sent that must meet it.
package exact

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
