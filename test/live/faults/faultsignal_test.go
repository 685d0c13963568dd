package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A signal while the rules load takes everything back.
func TestFault03Signals(t *testing.T) {
	var faults []fault
	for _, name := range []string{"HUP", "INT", "TERM"} {
		faults = append(faults, fault{name: name, says: "context canceled",
			arrange: inject.BreakTool(`"$real" "$@"; kill -` + name + ` $PPID; sleep 0.2; exit 0`)})
	}
	strike(t, faults...)
}

// The terminal closes while the rules load: everything is undone. An open
// session does not notice, and a new login works.
func TestFault03TerminalCloses(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		lab.Serve(t, "tcp", 22)
		admin := webserver.NewClients(lab.NewNetwork(t)).Admin
		var sessions []*traffic.Stream
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			sessions = append(sessions, traffic.OpenStream(t, admin, server))
		}
		p := &promise.Promises{Old: stage.TakePicture(t), Theirs: theirsButCounters(t)}
		closeTerminal(t, webserver.Variant(t))
		stage.TakePicture(t).Is(t, p.Old)
		if now := theirsButCounters(t); now != p.Theirs {
			t.Errorf("others had\n%s\nand have\n%s", p.Theirs, now)
		}
		for _, s := range sessions {
			s.End(t)
			traffic.Reaches(t, admin, s.Server, 22, 1)
		}
	})
}

// theirsButCounters is theirs where traffic counts on.
func theirsButCounters(t *testing.T) string {
	t.Helper()
	return stage.Counters.ReplaceAllString(stage.ForeignRules(t), "")
}

// closeTerminal applies a profile on a terminal, has the terminal close as soon as the
// rules of IPv6 are live, and waits until hardenctl has ended.
func closeTerminal(t *testing.T, profile string) {
	t.Helper()
	note := filepath.Join(t.TempDir(), "pids")
	inject.BreakTool(fmt.Sprintf(`"$real" "$@"; terminal=$(cut -d" " -f4 /proc/$PPID/stat); echo $PPID $terminal >%s; kill -KILL $terminal; sleep 0.2; exit 0`, note))(t)
	cmd := exec.Command("script", "-qec", "exec "+run.Binary(t)+" apply "+profile+" --auto-approve --confirm-within 0 --no-guard", "/dev/null")
	out, _ := cmd.CombinedOutput()
	text, err := os.ReadFile(note)
	if err != nil {
		t.Fatalf("the rules of IPv6 were never loaded: %s", out)
	}
	pid, terminal, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if terminal != fmt.Sprint(cmd.Process.Pid) {
		t.Fatalf("process %s was hung up, and the terminal is of %d", terminal, cmd.Process.Pid)
	}
	lab.Await(t, "the end of hardenctl", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}
