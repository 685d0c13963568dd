package tool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/netns"
)

func sh(script string) Command { return Command{Name: "sh", Args: []string{"-c", script}} }

func TestRunReturnsStandardOutput(t *testing.T) {
	c := Command{Name: "cat", Stdin: []byte("one\ntwo\n")}
	out, err := Run(context.Background(), c)
	if err != nil || string(out) != "one\ntwo\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestRunWithWordsReturnsWhatASuccessSays(t *testing.T) {
	out, words, err := RunWithWords(context.Background(), sh("echo kept; echo '# Warning: old' >&2"))
	if err != nil || string(out) != "kept\n" || words != "# Warning: old" {
		t.Errorf("got %q, %q, %v", out, words, err)
	}
}

func TestEnvironmentIsScrubbed(t *testing.T) {
	t.Setenv("XTABLES_LIBDIR", "/tmp")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("PATH", "/tmp")
	out, err := Run(context.Background(), Command{Name: "env"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "LC_ALL=C\nPATH=/usr/sbin:/sbin:/usr/bin:/bin\n"; string(out) != want {
		t.Errorf("a tool sees\n%swant\n%s", out, want)
	}
}

func TestMissingToolNamesItsPackage(t *testing.T) {
	for _, c := range []struct{ tool, want string }{
		{"iptables-nosuch-save", "install the package iptables"},
		{"ip6tables-nosuch", "install the package iptables"},
		{"nosuch", "nosuch is not installed in /usr/sbin, /sbin, /usr/bin, /bin"},
		{"/bin/sh", "/bin/sh is not installed"},
		{"../bin/sh", "not installed"},
		{"", "not installed"},
	} {
		_, err := Run(context.Background(), Command{Name: c.tool})
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want ErrMissing with %q", c.tool, err, c.want)
		}
	}
	for tool, want := range map[string]string{"ipset": "ipset", "nmap": "nmap", "ip": "iproute2", "nft": "nftables"} {
		if got := debianPackage(tool); got != want {
			t.Errorf("%s is in %q, want %q", tool, got, want)
		}
	}
}

func TestErrorCarriesTheInputLine(t *testing.T) {
	input := []byte("*filter\n-A INPUT \x1b[2J -j NONE\nCOMMIT\n")
	for _, c := range []struct {
		words string
		line  int
		text  string
	}{
		{"iptables-restore: line 2 failed", 2, "-A INPUT ·[2J -j NONE"},
		{"unknown option \"--x\"\nError occurred at line: 1\nTry -h", 1, "*filter"},
		{"\nline 3: RULE_APPEND failed (Invalid argument)", 3, "COMMIT"},
		{"ipset v7.17: Error in line 2: Syntax error", 2, "-A INPUT ·[2J -j NONE"},
		{"iptables-restore: COMMIT expected at line 4", 4, ""},
		{"line 99 failed", 99, ""},
		{"no line is named", 0, ""},
	} {
		command := sh("cat >/dev/null; printf '%s\\n' \"$1\" >&2; exit 3")
		command.Args = append(command.Args, "sh", c.words)
		command.Stdin = input
		_, err := Run(context.Background(), command)
		var failed *Error
		if !errors.As(err, &failed) {
			t.Fatalf("%q: got %v, want an *Error", c.words, err)
		}
		if failed.Line != c.line || failed.Text != c.text || failed.ExitCode != 3 {
			t.Errorf("%q: line %d %q, exit code %d; want line %d %q, exit code 3",
				c.words, failed.Line, failed.Text, failed.ExitCode, c.line, c.text)
		}
	}
}

func TestErrorReadsAsOneLine(t *testing.T) {
	e := &Error{Tool: "iptables-restore", Args: []string{"--noflush"}, ExitCode: -1,
		Words: "first\nsecond", Line: 2, Text: "-A INPUT", Err: errors.New("did not end")}
	want := "iptables-restore --noflush: did not end: first; second (input line 2: -A INPUT)"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
}

func TestTimeoutKillsTheWholeGroup(t *testing.T) {
	c := sh("sleep 600 & echo $!; sleep 600")
	c.Timeout = 3 * time.Second // in which the shell must have said its word
	out, err := Run(context.Background(), c)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not finish within 3s") {
		t.Errorf("got %v", err)
	}
	wantDead(t, out)
}

func TestCancelKillsTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	note := filepath.Join(t.TempDir(), "note")
	go func() {
		lab.Await(t, "the word of the shell", func() bool { _, err := os.Stat(note); return err == nil })
		cancel()
	}()
	out, err := Run(ctx, sh("sleep 600 & echo $!; touch "+note+"; sleep 600"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantDead(t, out)
}

// wantDead checks that the process whose number is in out is gone, or a zombie
// that no process has collected yet.
func wantDead(t *testing.T, out []byte) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	lab.Await(t, "the end of process "+strconv.Itoa(pid), func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}

func TestBoundedOutput(t *testing.T) {
	strict := &bounded{limit: 4, strict: true}
	if n, err := strict.Write([]byte("12345")); n != 4 || !errors.Is(err, errTooMuch) || strict.kept.String() != "1234" {
		t.Errorf("strict kept %q: %d, %v", &strict.kept, n, err)
	}
	loose := &bounded{limit: 4}
	if n, err := loose.Write([]byte("12345")); n != 5 || err != nil || loose.kept.String() != "1234" {
		t.Errorf("loose kept %q: %d, %v", &loose.kept, n, err)
	}
}

func TestStandardErrorIsBounded(t *testing.T) {
	_, err := Run(context.Background(), sh("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1"))
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if len(failed.Words) != MaxWords {
		t.Errorf("kept %d bytes, want %d", len(failed.Words), MaxWords)
	}
}

func TestTooMuchOutputIsAnError(t *testing.T) {
	defer func(limit int) { maxOutput = limit }(maxOutput)
	maxOutput = 1000
	out, err := Run(context.Background(), sh("yes"))
	if !errors.Is(err, errTooMuch) || len(out) != 1000 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
}

// The real tools, in a namespace of their own.
func TestRealToolsNameTheLine(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	for _, c := range []struct {
		tool, input string
		texts       []string
	}{
		{"iptables-nft-restore", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT --bogus\nCOMMIT\n", []string{"-A INPUT --bogus"}},
		// What the kernel refuses, 1.8.7 notices at the end and names by its chain.
		{"iptables-nft-restore", "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j REJECT\nCOMMIT\n", []string{"-A PREROUTING -j REJECT", "COMMIT"}},
		{"ipset", "create a hash:net\nadd b 192.0.2.1\n", []string{"add b 192.0.2.1"}},
	} {
		command := Command{Name: c.tool, Stdin: []byte(c.input)}
		if c.tool == "ipset" {
			command.Args = []string{"restore"}
		}
		if _, err := Find(c.tool); err != nil {
			t.Skip(err)
		}
		err := netns.Throwaway(func() error { _, err := Run(context.Background(), command); return err })
		var failed *Error
		if !errors.As(err, &failed) || !slices.Contains(c.texts, failed.Text) {
			t.Errorf("%s: got %v, want the line %q", c.tool, err, c.texts)
		}
	}
}

// What is held is open in every tool, until it is released.
func TestHold(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	open := Command{Name: "readlink", Args: []string{"/proc/self/fd/3"}}
	Hold(f)
	out, err := Run(context.Background(), open)
	Hold(nil)
	if strings.TrimSpace(string(out)) != f.Name() {
		t.Errorf("held: %s, %v", out, err)
	}
	// This process may have inherited a file 3 of its own, as below flock.
	if out, _ := Run(context.Background(), open); strings.TrimSpace(string(out)) == f.Name() {
		t.Errorf("released: %s is still open", f.Name())
	}
}
