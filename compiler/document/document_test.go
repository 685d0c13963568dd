package document

import (
	"errors"
	"strings"
	"testing"
)

type example struct {
	Format int    `json:"format"`
	Name   string `json:"name"`
	Later  string `json:"later,omitempty"`
}

var (
	now   = Kind{Name: "journal", Format: 2}
	both  = Kind{Name: "journal", Format: 2, Oldest: 1}
	exact = Kind{Name: "journal", Format: 2, Exact: true}
)

func TestDecode(t *testing.T) {
	written := string(Encode(example{Format: 2, Name: "<a>"}))
	for _, c := range []struct {
		kind Kind
		text string
		says string // empty for no error
	}{
		{now, written, ""},
		{exact, written, ""},
		{now, `{"format": 2}`, ""},
		{now, `{"format": 3, "new": []}`, "unsupported journal format 3 (expected 2)"},
		{now, `{"format": 1}`, "unsupported journal format 1 (expected 2)"},
		{now, `{}`, "unsupported journal format 0 (expected 2)"},
		{both, `{"format": 1}`, ""},
		{both, `{"format": 0}`, "unsupported journal format 0 (expected 1 to 2)"},
		{both, `{"format": 3}`, "unsupported journal format 3 (expected 1 to 2)"},
		{now, ``, "the journal is not as it was written (EOF)"},
		{now, written[:len(written)/2], "the journal is not as it was written (unexpected EOF)"},
		{now, `{"format": 2, "new": true}`, `unknown field "new"`},
		{now, `[]`, "cannot unmarshal array"},
		{now, written + "x", "text after the end"},
		{exact, written + "\n", "bytes that are not those of its fields"},
		{exact, `{"format": 2}`, "bytes that are not those of its fields"},
	} {
		var v example
		err := c.kind.Decode([]byte(c.text), &v)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%q: %v, want %q", c.text, err, c.says)
		case c.says != "" && errors.As(err, new(*FormatError)) != strings.HasPrefix(c.says, "unsupported"):
			t.Errorf("%q: the error is a %T", c.text, err)
		}
	}
}

func TestEncode(t *testing.T) {
	const want = "{\n  \"format\": 2,\n  \"name\": \"\\u003ca\\u003e\"\n}\n"
	if got := string(Encode(example{Format: 2, Name: "<a>"})); got != want {
		t.Errorf("got %s", got)
	}
}
