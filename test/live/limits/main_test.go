// Package limits tests the limits of services, and SYNPROXY: an attacker at a limit
// takes nothing from other clients, in floods too.
package limits

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
