// Package scan tests what a scanner sees of the server: nmap, masscan and zmap find
// nothing but public services, and guess no system. It also runs hardenctl verify.
package scan

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
