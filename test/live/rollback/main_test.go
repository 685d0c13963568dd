// Package rollback tests what a rollback, the return to the state before hardenctl, and
// an uninstall restore.
package rollback

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
