// Package boot tests what a boot loads: the boot files, the unit on a machine that
// boots, and what happens where files or tools are missing.
package boot

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
