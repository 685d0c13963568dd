// Package exact holds what compiler/exact says of packets against the kernel: for each rule
// a packet is sent that must meet it.
package exact

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }
