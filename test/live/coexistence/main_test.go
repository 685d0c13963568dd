// Package coexistence tests that what others own stays as it is: Docker, fail2ban, ufw,
// firewalld, other tools and other rules.
package coexistence

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
