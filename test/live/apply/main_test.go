// Package apply tests that an apply does what its plan says, and no more: plans, saved
// plans, refusals, output, and the open connections under it.
package apply

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
