package ruleset

// Ownership is by name: what carries these prefixes is ours to change, and
// nothing else is.
const (
	// ChainPrefix begins the name of every chain of ours.
	ChainPrefix = "HARDENCTL-"
	// SetPrefix begins the name of every set of ours.
	SetPrefix = "hardenctl-"
)
