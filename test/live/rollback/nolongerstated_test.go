package rollback

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Settings that some profiles of the test state, and others do not.
const (
	streamKey  = "net.netfilter.nf_conntrack_udp_timeout_stream"
	streamPath = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream"
	redirects  = "/proc/sys/net/ipv4/conf/lo/secure_redirects"
)

// A kernel setting that a profile no longer states gets the value that it had before
// hardenctl, in a trial and for good, by an apply and by a rollback. What somebody has
// changed meanwhile stays.
func TestSettingNoLongerStated(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		before := sysctl(t, streamPath)
		plain := testfile.Write(t, "plain.toml", "version = 1\ninclude = [\"builtin:base\"]\n")
		tuned := testfile.Write(t, "tuned.toml", "version = 1\ninclude = [\"builtin:base\"]\n[kernel]\nconntrack_udp_stream = \"31s\"\n")
		run.Expect(t, 0, append([]string{"apply", plain}, run.Unattended...)...)
		run.Expect(t, 0, append([]string{"apply", tuned}, run.Unattended...)...)
		holdsSysctl(t, streamPath, "31")

		restored := "~ " + streamKey + ": 31 -> " + before + " (no longer stated; value before hardenctl)"
		require.Contains(t, run.Expect(t, 0, "plan", plain), restored)
		run.Expect(t, 0, "apply", plain, "--auto-approve", "--no-guard", "--confirm-within", "10m")
		holdsSysctl(t, streamPath, before)
		run.Expect(t, 0, "revert")
		holdsSysctl(t, streamPath, "31")

		run.Expect(t, 0, append([]string{"apply", plain}, run.Unattended...)...)
		holdsSysctl(t, streamPath, before)
		run.Expect(t, 0, "plan", plain, "--detailed-exitcode")
		if text, err := os.ReadFile("/etc/sysctl.d/60-hardenctl.conf"); err == nil && strings.Contains(string(text), streamKey) {
			t.Errorf("the next boot sets %s:\n%s", streamKey, text)
		}

		run.Expect(t, 0, "rollback", "2", "--auto-approve", "--no-guard", "--confirm-within", "0")
		holdsSysctl(t, streamPath, "31")
		run.Expect(t, 0, "rollback", "1", "--auto-approve", "--no-guard", "--confirm-within", "0")
		holdsSysctl(t, streamPath, before)

		run.Expect(t, 0, "rollback", "2", "--auto-approve", "--no-guard", "--confirm-within", "0")
		require.NoError(t, os.WriteFile(streamPath, []byte("77"), 0))
		require.Contains(t, run.Expect(t, 0, "rollback", "1", "--auto-approve", "--no-guard", "--confirm-within", "0"),
			"no longer stated: "+streamKey+". Somebody has changed it since hardenctl set it to 31, so 77 stays")
		holdsSysctl(t, streamPath, "77")
	})
}

// An interface that the profile does not name gets its own value back.
func TestSettingOfInterfacesNoLongerStated(t *testing.T) {
	stage.Bare(t, "nft")
	require.NoError(t, os.WriteFile(redirects, []byte("0"), 0))
	before := stage.Settings(t)
	run.Expect(t, 0, append([]string{"apply", "builtin:web"}, run.Unattended...)...)
	changed := 0
	for path, value := range stage.Settings(t) {
		if value != before[path] {
			changed++
		}
	}
	if changed < 10 {
		t.Errorf("the profile has changed %d settings only", changed)
	}
	none := testfile.Write(t, "none.toml", "version = 1\n[services.ssh]\nports = [\"tcp/22\"]\n")
	run.Expect(t, 0, append([]string{"apply", none}, run.Unattended...)...)
	for path, value := range stage.Settings(t) {
		if value != before[path] {
			t.Errorf("%s is %s, and was %s", path, value, before[path])
		}
	}
}

func sysctl(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

func holdsSysctl(t *testing.T, path, want string) {
	t.Helper()
	if got := sysctl(t, path); got != want {
		t.Errorf("%s is %s, not %s", path, got, want)
	}
}
