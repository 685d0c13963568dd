package filekind

import "testing"

func TestOf(t *testing.T) {
	for text, want := range map[string]Kind{
		"# office\n\nversion = 1\n":           Profile,
		"include=[\"builtin:web\"]":           Profile,
		"[services.ssh\nports = 1":            Profile,
		"services.ssh.enabled = false":        Profile,
		"[[services.http]]":                   Profile,
		"\uFEFF# bad\n; more\n192.0.2.1 # x":  List,
		"2001:db8::/32":                       List,
		"192.0.2.1-192.0.2.9":                 List,
		`{"prefixes": []}`:                    List,
		"# by iptables\n*filter\n:INPUT DROP": Rules,
		"create a hash:ip family inet\n":      Sets,
		`{"format": 1, "checksum": "", "fingerprint": "", "plan": {}, "manifest": {}, "files": []}`: SavedPlan,
		`{"changes": [], "untouched": [], "applied": true}`:                                         ShownPlan,
		`{"phase": "trial", "deadline": 1}`:                                                         Journal,
		`{"when": "", "command": []}`:                                                               Generation,
		`{"format": 1, "files": [`:                                                                  Unknown,
		"":                                                                                          Unknown,
		"hello":                                                                                     Unknown,
		"[office]":                                                                                  Unknown,
		"versions = 1":                                                                              Unknown,
	} {
		if got := Of([]byte(text)); got != want {
			t.Errorf("%.40q is %q, want %q", text, got, want)
		}
	}
}
