package deploy

import (
	"strings"
	"testing"
)

// Where the first host cannot be moved, the playbook leaves the others as they
// are: not a single task runs there.
func TestFirstHostGuardsTheOthers(t *testing.T) {
	freshHost(t)
	folder := profileFolder(t, "profile.toml", "version = 1\ninclude = [\"builtin:server\"]\n[services.https]\nports = [\"tcp/70000\"]\n")
	p := play(t, "-i", "second,third,", "-e", "hardenctl_profile_src="+folder)
	p.mustFail(t)
	p.mustSay(t, "fatal: [localhost]")
	for _, other := range []string{"[second]", "[third]"} {
		if strings.Contains(p.out, other) {
			t.Errorf("something has run on %s:\n%s", other, p.out)
		}
	}
}
