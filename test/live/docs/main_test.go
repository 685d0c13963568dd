// Package docs tests that what README and docs tell a reader to do works, and that the
// flaws which they name in other rules are not in those of hardenctl.
package docs

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
