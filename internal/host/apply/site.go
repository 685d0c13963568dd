package apply

import (
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// Site is where an apply works: the system that it changes, what it keeps on disk,
// and who is told of it. Who calls its methods holds the lock of the host.
type Site struct {
	dataplane.Plane
	Journal     journal.Journal
	Generations generation.Store
	// Progress is told each step by name, before it begins. It is not nil.
	Progress func(step string)
}
