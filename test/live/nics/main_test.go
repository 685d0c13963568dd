// Package nics tests settings of network interfaces, interfaces that come and go, and
// what neighbours on the link learn.
package nics

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
