package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// Nothing that others have named moves the cursor, sets a title, or turns the line
// round. What a write cuts in two is one character, or one colour, still.
func TestScreen(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n":                "plain\ttext\n",
		"größer … \U0001f600":          "größer … \U0001f600",
		"\x1b]0;title\x07":             `\x1b]0;title\x07`,
		"\x1b[2J\x1b[8mhidden\rforged": `\x1b[2J\x1b[8mhidden\x0dforged`,
		"8 bits: \x9b2J \u009b2J \x7f": `8 bits: \x9b2J \u009b2J \u007f`,
		"\u202egnp.exe \u2066x\u200f":  `\u202egnp.exe \u2066x\u200f`,
		"\x1b[32m+\x1b[0m and \x1b[31": "\x1b[32m+\x1b[0m and " + `\x1b\x5b\x33\x31`,
		"cut: \xe2\x80":                `cut: \xe2\x80`,
	} {
		for _, step := range []int{1, 2, 3, len(text)} {
			path := filepath.Join(t.TempDir(), "out")
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &Screen{File: file, palette: palette}
			for at := 0; at < len(text); at += step {
				if n, err := s.WriteString(text[at:min(at+step, len(text))]); err != nil || n != min(step, len(text)-at) {
					t.Errorf("%d, %v", n, err)
				}
			}
			s.finish()
			file.Close()
			if got, _ := os.ReadFile(path); string(got) != want {
				t.Errorf("%q by %d: %q, want %q", text, step, got, want)
			}
		}
	}
}

// JSON is the same value behind a screen. Where no colours are shown, none pass.
func TestScreenJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Plan{Profile: "\x1b[1mü\u009b2J\x7f\u202e\"\n"}
	if err := JSON(NewScreen(file), p); err != nil {
		t.Fatal(err)
	}
	file.Close()
	text, _ := os.ReadFile(path)
	var got plan.Plan
	if err := json.Unmarshal(text, &got); err != nil || got.Profile != p.Profile {
		t.Errorf("%v: %q from %s", err, got.Profile, text)
	}
	if s := (&Screen{}); string(first(s.escape([]byte("\x1b[1mbold")))) != `\x1b[1mbold` {
		t.Error("a colour where none is shown")
	}
}

// What a tool has said, or a name that has a newline, begins no line of ours.
func TestComplain(t *testing.T) {
	var b strings.Builder
	Complain(&b, errors.New("panel\nhardenctl: Applied.\nand more"))
	if want := "hardenctl: panel\n  hardenctl: Applied.\n  and more\n"; b.String() != want {
		t.Errorf("got %q, want %q", &b, want)
	}
}

func first(shown, held []byte) []byte { return shown }

// BenchmarkScreen writes a long plan at once to a terminal. The time for a byte must
// not grow with the length: compare the two lengths.
func BenchmarkScreen(b *testing.B) {
	for _, lines := range []int{100, 10000} {
		b.Run(strconv.Itoa(lines), func(b *testing.B) {
			f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			text := bytes.Repeat([]byte("  + filter HARDENCTL-INPUT 8: -p tcp -m tcp --dport 80 -j ACCEPT\n"), lines)
			s := &Screen{File: f, palette: palette}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Write(text)
			}
		})
	}
}
