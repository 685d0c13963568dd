package journal

import "github.com/hardenctl/hardenctl/internal/netns"

// Elsewhere reports whether the apply is under way in another network namespace
// than that of the calling thread. Rules, sets and settings are a namespace's
// own, the journal is the machine's.
func (e Entry) Elsewhere() bool {
	own := netns.Name()
	return e.Namespace != "" && own != "" && e.Namespace != own
}

// NamespaceLives reports whether anybody is still in that namespace.
func (e Entry) NamespaceLives() bool { return netns.Alive(e.Namespace) }
