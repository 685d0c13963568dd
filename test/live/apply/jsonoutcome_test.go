package apply

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// outcomeOf is the JSON that an apply must print, however it ends.
type outcomeOf struct {
	Profile           string
	Applied, Reverted bool
	Step, Error       string
}

// applied runs apply with --json and returns the object on standard output.
func applied(t *testing.T, code int, args ...string) outcomeOf {
	t.Helper()
	cmd := exec.Command(run.Binary(t), append([]string{"apply", "--json"}, args...)...)
	out, _ := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%q exits %d, want %d", args, got, code)
	}
	var o outcomeOf
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatalf("%q prints %q: %v", args, out, err)
	}
	return o
}

// With --json there is an object however an apply ends.
func TestJSONOutcome(t *testing.T) {
	stage.Bare(t, "nft")
	o := applied(t, 1, "builtin:web", "--no-guard")
	if o.Applied || o.Reverted || o.Profile != "builtin:web" || !strings.Contains(o.Error, "--auto-approve") {
		t.Errorf("not approved: %+v", o)
	}
	if o = applied(t, 1, "--plan", "/nowhere"); o.Applied || !strings.Contains(o.Error, "/nowhere") {
		t.Errorf("no such plan: %+v", o)
	}
	t.Run("broken", func(t *testing.T) {
		inject.BreakTool("echo not today >&2; exit 1")(t)
		o = applied(t, 3, "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		if o.Applied || !o.Reverted || o.Step != "IPv6 rules" || !strings.Contains(o.Error, "not today") {
			t.Errorf("reverted: %+v", o)
		}
	})
	if o = applied(t, 0, "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"); !o.Applied || o.Reverted || o.Error != "" || o.Step != "" {
		t.Errorf("applied: %+v", o)
	}
	if o = applied(t, 0, "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"); o.Applied || o.Profile != "builtin:web" {
		t.Errorf("applied again: %+v", o)
	}
}

// An output that cannot be written is an error, and says whether the host was
// changed.
func TestOutputIsFull(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	for _, c := range []struct {
		code int
		args []string
		says string
	}{
		{1, []string{"plan", "builtin:web"}, "no space left"},
		{1, []string{"plan", "builtin:web", "--json"}, "no space left"},
		{1, []string{"history"}, "no space left"},
		{1, []string{"history", "--json"}, "no space left"},
		{1, []string{"revert"}, "no space left"},
		{1, []string{"revert", "--json"}, "no space left"},
		{1, []string{"confirm"}, "no trial is pending"},
		{1, []string{"confirm", "--json"}, "no trial is pending"},
		{1, []string{"rollback", "0", "--no-guard"}, "nothing has been applied yet"},
		{5, []string{"restore"}, "the restore is done, but the output could not be written"},
		{1, []string{"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"}, "no space left"},
		{5, []string{"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--json"}, "applied: the host is as the profile says"},
		{5, []string{"apply", "builtin:database", "--auto-approve", "--confirm-within", "5m", "--no-guard", "--json"}, "applied: the host is as the profile says, on trial until "},
		{5, []string{"revert"}, "reverted, but the output could not be written"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		var words strings.Builder
		cmd := exec.Command(run.Binary(t), c.args...)
		cmd.Stdout, cmd.Stderr = full, &words
		cmd.Run()
		full.Close()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%q exits %d, want %d", c.args, got, c.code)
		}
		require.Contains(t, words.String(), c.says)
		if c.code == 1 {
			stage.TakePicture(t).Is(t, before)
		}
	}
	run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
}

// typist is a user at a terminal on which builtin:web is applied.
type typist struct {
	cmd  *exec.Cmd
	keys io.WriteCloser
	out  run.SyncBuffer
}

// sitDown begins an apply and waits until it asks.
func sitDown(t *testing.T) *typist {
	t.Helper()
	s := &typist{cmd: exec.Command("script", "-qefc", "exec "+run.Binary(t)+" apply builtin:web --confirm-within 0 --no-guard", "/dev/null")}
	var err error
	s.keys, err = s.cmd.StdinPipe()
	require.NoError(t, err)
	screen, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { s.cmd.Process.Kill() })
	buffer := make([]byte, 4096)
	for !strings.Contains(s.out.String(), `Type "yes" to apply`) {
		n, err := screen.Read(buffer)
		s.out.Write(buffer[:n])
		if err != nil {
			t.Fatalf("it does not ask: %v\n%s", err, &s.out)
		}
	}
	go func() { io.Copy(&s.out, screen) }()
	return s
}

// types presses keys and returns the exit code, -1 if there is none.
func (s *typist) types(t *testing.T, keys string) int {
	t.Helper()
	_, err := io.WriteString(s.keys, keys)
	require.NoError(t, err)
	timer := time.AfterFunc(lab.Patience, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// Ctrl-C at the question ends the apply, and lets the next one in.
func TestInterruptedQuestion(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	if code := sitDown(t).types(t, "\x03"); code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	stage.TakePicture(t).Is(t, before)
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "1m")
}

// What others change while the plan is read is not lost.
func TestFault16EditWhileAsked(t *testing.T) {
	stage.Bare(t, "nft")
	for name, edit := range map[string]func(){
		"file":  func() { require.NoError(t, os.WriteFile("/etc/iptables/rules.v4", []byte(stage.OthersFile), 0o644)) },
		"rules": func() { run.Tool(t, "iptables -A INPUT -s 203.0.113.5 -j ACCEPT") },
	} {
		stage.Wipe(t)
		s := sitDown(t)
		edit()
		edited := stage.TakePicture(t)
		if code := s.types(t, "yes\n"); code != 1 {
			t.Errorf("%s: exit %d, want 1:\n%s", name, code, &s.out)
		}
		stage.TakePicture(t).Is(t, edited)
	}
	stage.Wipe(t)
	if code := sitDown(t).types(t, "yes\n"); code != 0 {
		t.Errorf("nothing edited: exit %d", code)
	}
}
