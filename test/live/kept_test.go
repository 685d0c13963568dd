package live

import (
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/lock"
)

// What hardenctl keeps on the host of a lab.
var (
	ourJournal     = journal.Under("/")
	ourGenerations = generation.Under("/")
	ourLock        = lock.Under("/")
)
