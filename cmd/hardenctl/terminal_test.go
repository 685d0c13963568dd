package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// terminal returns a terminal, and how to read what was printed on it so far.
func terminal(t *testing.T) (tty *os.File, printed func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	control, err := master.SyscallConn() // Fd would make the reads below block
	if err != nil {
		t.Fatal(err)
	}
	var number uint32
	control.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN)
		}
	})
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty, func() string {
		fmt.Fprint(tty, "\x00") // which nothing else prints
		var text bytes.Buffer
		for one := make([]byte, 1); !bytes.HasSuffix(text.Bytes(), []byte{0}); text.Write(one) {
			if _, err := master.Read(one); err != nil {
				t.Fatal(err)
			}
		}
		return strings.TrimSuffix(text.String(), "\x00")
	}
}

// plain returns a file, and how to read what was written into it.
func plain(t *testing.T) (file *os.File, written func() string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, func() string {
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// stream makes a terminal or a file.
func stream(t *testing.T, isTTY bool) (*os.File, func() string) {
	if isTTY {
		return terminal(t)
	}
	return plain(t)
}

// A countdown is for a terminal that can write a line anew, and each second is
// shown once. In a file there would be hundreds of them.
func TestCountdownStream(t *testing.T) {
	for _, c := range []struct {
		name, term string
		isTTY      bool
		want       string
	}{
		{"a terminal", "xterm", true, "\r  3 s left to confirm \r  2 s left to confirm \r\n"},
		{"a terminal that prints one line after the other", "dumb", true, ""},
		{"a file", "xterm", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			w, text := stream(t, c.isTTY)
			line := countdown{w: w}
			for _, left := range []time.Duration{2900, 2700, 2100, 2000, 1900} {
				line.show(left * time.Millisecond)
			}
			line.end()
			if got := text(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Diagnostics are coloured if standard error is a terminal that knows colours,
// whatever standard output is.
func TestColourStream(t *testing.T) {
	enter(t, map[string]string{"bad.toml": "version = 1\nfly = true\n"})
	for _, c := range []struct {
		name, noColor, term string
		out, err, want      bool
	}{
		{"both terminals", "", "xterm", true, true, true},
		{"output in a file", "", "xterm", false, true, true},
		{"errors in a file", "", "xterm", true, false, false},
		{"both in files", "", "xterm", false, false, false},
		{"NO_COLOR", "1", "xterm", true, true, false},
		{"an empty NO_COLOR", "", "xterm", true, true, true},
		{"a dumb terminal", "", "dumb", true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			out, outText := stream(t, c.out)
			errors, errorText := stream(t, c.err)
			root := newRoot()
			root.SetArgs([]string{"check", "bad.toml"})
			root.SetOut(out)
			root.SetErr(errors)
			root.Execute()
			if said := errorText(); strings.Contains(said, "\x1b[") != c.want || !strings.Contains(said, "bad.toml:2:1") {
				t.Errorf("colour %v, want %v: %q", !c.want, c.want, said)
			}
			if said := outText(); said != "" {
				t.Errorf("on standard output: %q", said)
			}
		})
	}
}

// A question is asked where a person reads it, and not at all where nobody
// would: an answer is not waited for then.
func TestAskedStream(t *testing.T) {
	for _, c := range []struct {
		in, out, err bool
		want         string
	}{
		{true, true, true, "output"}, {true, true, false, "output"}, {true, false, true, "errors"},
		{true, false, false, "none"}, {false, true, true, "none"}, {false, false, false, "none"},
	} {
		cmd := &cobra.Command{}
		in, _ := stream(t, c.in)
		out, _ := stream(t, c.out)
		errors, _ := stream(t, c.err)
		cmd.SetIn(in)
		cmd.SetOut(out)
		cmd.SetErr(errors)
		got := "none"
		switch asked(cmd) {
		case out:
			got = "output"
		case errors:
			got = "errors"
		}
		if got != c.want {
			t.Errorf("%+v: asked on %s", c, got)
		}
	}
}
