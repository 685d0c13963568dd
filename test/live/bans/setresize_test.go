package bans

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// Bans survive an apply that gives their sets another size, as a later version
// of hardenctl may: the set is another then, and what is in it is the same.
func TestBansSurviveAnotherSize(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", webserver.Variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Tool(t, "ipset create small hash:ip hashsize 64 maxelem 128 timeout 60")
		run.Tool(t, "ipset swap small hardenctl-ban-v4")
		run.Tool(t, "ipset destroy small")
		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 1200")
		require.Contains(t, run.Expect(t, 0, "apply", webserver.Variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard"), "~ hardenctl-ban-v4: ")
		require.Contains(t, run.Tool(t, "ipset list -t hardenctl-ban-v4"), "maxelem 262144 timeout 3600")
		if left := banset.Remaining(t, "hardenctl-ban-v4", "203.0.113.9"); left < 600 || left > 1200 {
			t.Errorf("the ban has %d s left, want about 1200", left)
		}
	})
}

// What the recent match has counted of a source survives an apply, also one
// that rewrites the chain that counts.
func TestRecentListsSurvive(t *testing.T) {
	one, other := "version = 1\ninclude = [\"builtin:howto\"]\n", "version = 1\ninclude = [\"builtin:howto\"]\n[scan]\nprobes = 12\n"
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		run.Expect(t, 0, "apply", testfile.Write(t, "one.toml", one), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, to := range []string{"192.0.2.1:4444", "[2001:db8::1]:4444"} {
			_, err := client.Knock(to, 100*time.Millisecond) // a probe
			require.NoError(t, err)
		}
		before := recentLists(t)
		require.Contains(t, before, "src=192.0.2.20", "src=2001:0db8:0000:0000:")
		require.Contains(t, run.Expect(t, 0, "apply", testfile.Write(t, "other.toml", other), "--auto-approve", "--confirm-within", "0", "--no-guard"), "--hitcount")
		if after := recentLists(t); !strings.HasPrefix(after, before) {
			t.Errorf("the lists were\n%s\nand are\n%s", before, after)
		}
	})
}

// recentLists returns what xt_recent has counted in the server's namespace.
func recentLists(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, path := range testfile.Glob(t, "/proc/thread-self/net/xt_recent/*") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
