// Package failpoints tests tables of faults: each call of a command to disk, kernel and
// tools is broken in turn, processes are killed at random moments, and power is lost.
package failpoints

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
