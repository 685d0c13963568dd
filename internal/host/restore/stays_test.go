package restore

import (
	"context"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/dataplane/fake"
	"github.com/hardenctl/hardenctl/internal/host/extension"
)

// Where a library is missing the rules in force stay if INPUT begins with our jump, or with
// leading jumps and ours.
func TestStays(t *testing.T) {
	for name, c := range map[string]struct {
		input   string
		leading []string
		want    bool
	}{
		"ours first":                     {"-A INPUT -j HARDENCTL-INPUT\n-A INPUT -j f2b-sshd\n", nil, true},
		"a jump that the profile names":  {"-A INPUT -j f2b-sshd\n-A INPUT -j HARDENCTL-INPUT\n", []string{"f2b-*"}, true},
		"one that it does not name":      {"-A INPUT -j f2b-sshd\n-A INPUT -j HARDENCTL-INPUT\n", []string{"ts-input"}, false},
		"nothing of ours":                {"-A INPUT -j f2b-sshd\n", []string{"f2b-*"}, false},
		"another rule, and then ours":    {"-A INPUT -j f2b-sshd\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j HARDENCTL-INPUT\n", []string{"f2b-*"}, false},
		"no rule":                        {"", []string{"f2b-*"}, false},
		"a target whose name is no name": {"-A INPUT -i lo\n-A INPUT -j HARDENCTL-INPUT\n", []string{"f2b-*"}, false},
	} {
		m := fake.New()
		text := "*filter\n:INPUT DROP [0:0]\n:HARDENCTL-INPUT - [0:0]\n:f2b-sshd - [0:0]\n" + c.input + "COMMIT\n"
		if err := m.Plane().Rules.Load(context.Background(), ruleset.V4, []byte(text), true); err != nil {
			t.Fatal(err)
		}
		l := &loading{site: apply.Site{Plane: m.Plane()}, files: Files{Leading: c.leading}}
		if got := l.stays(context.Background(), ruleset.V4, &extension.MissingError{}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
