package ruleset

// Extension is a part of the kernel's packet filter that rules and sets ask for
// by its name, and that the kernel or the tools of a host may lack.
type Extension struct {
	Kind ExtensionKind
	Name string // such as "hashlimit", "SYNPROXY" and "hash:net"
}

// ExtensionKind says what an extension is to a rule.
type ExtensionKind string

// The kinds of extensions.
const (
	MatchExtension  ExtensionKind = "match"
	TargetExtension ExtensionKind = "target"
	SetExtension    ExtensionKind = "set type"
)

// String returns the kind and the name, such as "match hashlimit".
func (e Extension) String() string { return string(e.Kind) + " " + e.Name }
