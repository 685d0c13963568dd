package trials

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Lasting is a picture without what the packets of a test leave in sets.
func Lasting(t *testing.T) stage.Picture {
	t.Helper()
	p := stage.TakePicture(t)
	var kept strings.Builder
	for line := range strings.Lines(p["sets"]) {
		if !filledByPackets.MatchString(line) {
			kept.WriteString(line)
		}
	}
	p["sets"] = kept.String()
	return p
}

// filledByPackets matches what packets of a test leave in sets.
var filledByPackets = regexp.MustCompile(`^add hardenctl-(seen|scan|open)-`)

// ForeignObjects are the foreign rules and chains, with what the rules have
// counted, on trial and off it; but for policies and a rule of nat, which count
// packets of the test.
func ForeignObjects(t *testing.T) string {
	t.Helper()
	var kept strings.Builder
	for line := range strings.Lines(stage.ForeignRules(t)) {
		counts := strings.Contains(line, " ACCEPT [") || strings.Contains(line, " DROP [") || strings.Contains(line, "-A PREROUTING")
		if !strings.Contains(line, "HARDENCTL_") && !counts {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// HasTTL fails the test unless the kernel's default TTL is the one that is given.
func HasTTL(t *testing.T, want string) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_default_ttl")
	require.NoError(t, err)
	if got := strings.TrimSpace(string(text)); got != want {
		t.Errorf("the TTL is %s, want %s", got, want)
	}
}

// NothingUnderWay fails the test if the journal or a generation that is staged
// says that there is.
func NothingUnderWay(t *testing.T) {
	t.Helper()
	if left := append(testfile.Glob(t, stage.Journal.Folder+"/*"), testfile.Glob(t, stage.Generations.Folder+"/.*")...); left != nil {
		t.Errorf("it has %v", left)
	}
}

// NoTrialLeft fails the test if the kernel has anything of a trial.
func NoTrialLeft(t *testing.T) {
	t.Helper()
	for _, text := range []string{run.Tool(t, "iptables-save"), run.Tool(t, "ip6tables-save"), run.Tool(t, "ipset list -n")} {
		if strings.Contains(text, "HARDENCTL_") || strings.Contains(text, "hardenctl_") {
			t.Errorf("a trial is left in\n%s", text)
		}
	}
	if left := testfile.Glob(t, "/etc/*/.*hardenctl*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
