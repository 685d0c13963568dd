// Package pty makes terminals and files for tests of what is shown where.
package pty

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns a terminal, and how to read what was printed on it so far.
func terminal(t testing.TB) (tty *os.File, printed func() string) {
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
func plain(t testing.TB) (file *os.File, written func() string) {
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

// Stream makes a terminal or a file, and says how to read what was written to it so far.
func Stream(t testing.TB, isTTY bool) (*os.File, func() string) {
	if isTTY {
		return terminal(t)
	}
	return plain(t)
}
