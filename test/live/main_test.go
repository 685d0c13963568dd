// Package live attacks what the real program does to a real kernel: the tests
// build the command, run it in a lab and look at the result from other hosts.
package live

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

// TestMain is that of all packages of live tests.
func TestMain(m *testing.M) { suite.Main(m) }
