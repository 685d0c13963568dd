package terminal

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host/escape"
)

// Screen is standard output or standard error. What others have named, such as a
// chain, an interface, a process or a profile, may hold bytes on which a terminal
// acts: all that goes out passes here, and such bytes are written as Go writes them
// in a string, "\x1b". That is so for files and pipes too, since somebody may print
// those. Only colours of ours pass, where colours are shown.
type Screen struct {
	*os.File
	palette []string
	held    []byte // the start of a character or colour whose rest comes with the next write
	failed  error  // why something could not be written
}

// palette has what begins and ends the colours that any command prints.
var palette = paletteOf("0", "1", "2", "31", "32", "33", "1;31", "1;32", "1;33")

func paletteOf(codes ...string) (all []string) {
	for _, c := range codes {
		all = append(all, "\x1b["+c+"m")
	}
	return all
}

// NewScreen returns the screen of a file.
func NewScreen(f *os.File) *Screen {
	s := &Screen{File: f}
	if Colourful(f) {
		s.palette = palette
	}
	return s
}

// Attach makes a command print on screens, and returns what prints the rest of what
// it left unfinished, and why its output is not whole.
func Attach(cmd *cobra.Command) (finish func() error) {
	out, err := NewScreen(os.Stdout), NewScreen(os.Stderr)
	cmd.SetOut(out)
	cmd.SetErr(err)
	return func() error {
		out.finish()
		err.finish()
		return out.failed
	}
}

// Unwritten returns why something could not be written to what a command prints on.
func Unwritten(w io.Writer) error {
	if s, ok := w.(*Screen); ok {
		return s.failed
	}
	return nil
}

// Whole returns the error of a command, or of its output where it knows of none: a
// reader must not take a part for the whole.
func Whole(err, unwritten error) error {
	if err == nil && unwritten != nil {
		return fmt.Errorf("the output could not be written: %w", unwritten)
	}
	return err
}

// raw returns the terminal itself, for a cursor that moves.
func raw(w io.Writer) io.Writer {
	if s, ok := w.(*Screen); ok {
		return s.File
	}
	return w
}

// Write implements io.Writer.
func (s *Screen) Write(text []byte) (int, error) {
	shown, held := s.escape(append(s.held, text...))
	s.held = slices.Clone(held)
	if _, err := s.File.Write(shown); err != nil {
		s.failed = cmp.Or(s.failed, err)
		return 0, err
	}
	return len(text), nil
}

// WriteString implements io.StringWriter, in the place of the file's own.
func (s *Screen) WriteString(text string) (int, error) { return s.Write([]byte(text)) }

// ReadFrom implements io.ReaderFrom, in the place of the file's own.
func (s *Screen) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{s}, r)
}

func (s *Screen) finish() {
	for _, b := range s.held {
		if _, err := fmt.Fprintf(s.File, `\x%02x`, b); err != nil {
			s.failed = cmp.Or(s.failed, err)
		}
	}
	s.held = nil
}

// escape returns what is shown of a text, and the end of it that is not whole.
func (s *Screen) escape(text []byte) (shown, held []byte) {
	for len(text) > 0 {
		if n, whole := s.colour(text); n > 0 && whole {
			shown, text = append(shown, text[:n]...), text[n:]
			continue
		} else if n > 0 {
			return shown, text
		}
		if !utf8.FullRune(text) {
			return shown, text
		}
		one, n := escape.First(text)
		shown, text = append(shown, one...), text[n:]
	}
	return shown, nil
}

// colour returns the length of a colour of ours with which a text begins; or, not
// whole, of a text that is only the start of one.
func (s *Screen) colour(text []byte) (n int, whole bool) {
	for _, c := range s.palette {
		if bytes.HasPrefix(text, []byte(c)) {
			return len(c), true
		}
		if len(text) < len(c) && strings.HasPrefix(c, string(text)) {
			n = len(text)
		}
	}
	return n, false
}
