// Package bans tests which sources are counted, proven and banned, and for how long, and
// which never are: clients of a service, admins, and sources that others forge.
package bans

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
