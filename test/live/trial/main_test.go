// Package trial tests what a trial promises: it ends by itself in time, a confirm makes
// it permanent, and the host is in one of two states whatever others do meanwhile.
package trial

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
