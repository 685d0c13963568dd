// Package lockout tests that no admin is locked out: the lockout check before an apply,
// logins over SSH during a trial, and the way back in by hand.
package lockout

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
