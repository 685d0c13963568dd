package escape

import "testing"

// A line stays one line, and nothing in it moves the cursor or turns it round.
func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"panel":                     "panel",
		"größer \U0001f600":         "größer \U0001f600",
		"a\nhardenctl: Applied.\tb": `a\x0ahardenctl: Applied.\x09b`,
		"\x1b[2J\r\x00\x7f\u009b":   `\x1b[2J\x0d\x00\u007f\u009b`,
		"\xff\xe2\x80":              `\xff\xe2\x80`,
		"\u202egnp.exe \u2028x":     `\u202egnp.exe \u2028x`,
	} {
		if got := Line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
