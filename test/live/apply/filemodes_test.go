package apply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// secretive has what no user but root need know: how one knocks, and who is
// trusted.
const secretive = `version = 1
include = ["builtin:web"]
[sets.office]
addresses = ["203.0.113.177", "2001:db8:177::/64"]
[access]
admin = ["@office"]
[services.ssh]
ports = ["tcp/22"]
admin = true
from = ["@office"]
knock = "door"
[knocks.door]
sequence = ["tcp/17771", "udp/17772"]
[fail2ban]
enabled = true
`

// What hardenctl writes tells no user of the host how one knocks, nor who is
// trusted: not on trial, not afterwards, not where the file was there before and
// open. What every user knows anyway stays open.
func TestSecretsAreRoots(t *testing.T) {
	stage.Bare(t, "nft")
	profile := testfile.Write(t, "secretive.toml", secretive)
	require.NoError(t, os.Chmod(profile, 0o600))
	const rules, sysctl = "/etc/iptables/rules.v4", "/etc/sysctl.d/60-hardenctl.conf"
	require.NoError(t, os.WriteFile(rules, []byte("*filter\n-A INPUT -s 192.0.2.201 -j ACCEPT\nCOMMIT\n"), 0o644))
	require.NoError(t, os.Chmod(rules, 0o644)) // whatever the umask
	require.Contains(t, run.Expect(t, 0, "plan", profile), rules+": 3 lines, mode 0644 -> ", "mode 0640")

	folder := t.TempDir()
	openWay(t, folder)
	run.Expect(t, 0, "compile", profile, "-o", folder+"/bundle")
	run.Expect(t, 0, "plan", profile, "-o", folder+"/saved.plan")
	run.ExpectAs(t, run.Applying, 0, "apply", profile, "--auto-approve", "--confirm-within", "10m", "--no-guard")
	tellsNobody(t, folder)
	run.ExpectAs(t, run.Confirming, 0, "confirm")
	tellsNobody(t, folder)
	if stat, err := os.Stat(sysctl); err != nil || stat.Mode() != 0o644 {
		t.Errorf("%s: %v, %v", sysctl, stat, err)
	}

	require.NoError(t, os.Chmod(rules, 0o644))
	if found := readByNobody(t); !strings.Contains(found, rules) {
		t.Errorf("what is open is not found: %s", found)
	}
	require.Contains(t, run.Expect(t, 2, "plan", profile, "--detailed-exitcode"), rules+": ", "mode 0644 -> ", "Plan: 1 to change.")
	run.Expect(t, 0, append([]string{"apply", profile}, run.Unattended...)...)
	tellsNobody(t, folder)
	require.Contains(t, run.Expect(t, 0, "plan", profile), "No changes")
}

func tellsNobody(t *testing.T, places ...string) {
	t.Helper()
	if found := readByNobody(t, places...); found != "" {
		t.Errorf("any user can read a secret in:\n%s", found)
	}
}

// readByNobody lists the files in which a user without rights finds a secret of
// secretive: below some folders, and of what was written in this lab, all of which
// is below /run.
func readByNobody(t *testing.T, places ...string) string {
	t.Helper()
	find := []string{"--reuid=65534", "--regid=65534", "--clear-groups", "grep", "-rlsE", `203\.0\.113\.177|2001:db8:177:|1777[12]`, "/run"}
	out, _ := exec.Command("setpriv", append(find, places...)...).Output() // 1: none found
	return string(out)
}

// openWay lets every user go as far as a folder.
func openWay(t *testing.T, folder string) {
	t.Helper()
	for ; folder != os.TempDir(); folder = filepath.Dir(folder) {
		require.NoError(t, os.Chmod(folder, 0o755))
	}
}
