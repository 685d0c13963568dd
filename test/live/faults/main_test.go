// Package faults tests the rows of docs/FAULTS.md that a single fault shows: a kill, a
// full disk, a tool that fails, a clock that jumps.
package faults

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }
