// Package forward tests what is decided about packets through the server: published
// ports, gateways, hosts on the inside.
package forward

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
