package diag_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

func TestPosition(t *testing.T) {
	for _, test := range []struct {
		pos  diag.Position
		want string
	}{
		{diag.Position{File: "a.toml", Line: 14, Column: 9}, "a.toml:14:9"},
		{diag.Position{File: "a.toml", Line: 14}, "a.toml:14"},
		{diag.Position{File: "a.toml"}, "a.toml"},
		{diag.Position{File: "a.toml", Column: 9}, "a.toml"},
	} {
		if got := test.pos.String(); got != test.want {
			t.Errorf("%#v: got %s, want %s", test.pos, got, test.want)
		}
	}
}

func TestString(t *testing.T) {
	d := diag.Diagnostic{Position: diag.Position{File: "web.toml", Line: 14, Column: 9}, Subject: "services.ssh.ports", Message: `"tcp/70000" is not a port (1-65535)`}
	if got, want := d.String(), `web.toml:14:9: services.ssh.ports: "tcp/70000" is not a port (1-65535)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.Severity, d.Subject = diag.Warning, ""
	if got, want := d.String(), `web.toml:14:9: warning: "tcp/70000" is not a port (1-65535)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(diag.Diagnostic{
		Code: "bad-port", Position: diag.Position{File: "a.toml", Line: 1, Column: 2}, Subject: "s", Message: "m"})
	const want = `{"code":"bad-port","severity":"error","file":"a.toml","line":1,"column":2,"subject":"s","message":"m"}`
	if err != nil || string(text) != want {
		t.Errorf("got %s (%v), want %s", text, err, want)
	}
}

func TestHasErrors(t *testing.T) {
	var list diag.List
	list.Add(diag.Diagnostic{Severity: diag.Warning})
	if list.HasErrors() || diag.List(nil).HasErrors() {
		t.Error("a warning, or nothing, counts as an error")
	}
	list.Errorf("code", diag.Position{}, "", "%d", 1)
	if !list.HasErrors() {
		t.Error("an error does not count as one")
	}
}

// TestSort shows that files keep the order of their first report, and equal
// places that of theirs.
func TestSort(t *testing.T) {
	var list diag.List
	for _, p := range []diag.Position{
		{File: "b", Line: 10, Column: 1}, {File: "a", Line: 2}, {File: "b", Line: 9, Column: 2}, {File: "b", Line: 9, Column: 1},
	} {
		list.Errorf("", p, "", "first")
	}
	list.Errorf("", diag.Position{File: "a", Line: 2}, "", "second")
	list.Sort()
	var got []string
	for _, d := range list {
		got = append(got, d.String())
	}
	want := []string{"b:9:1: first", "b:9:2: first", "b:10:1: first", "a:2: first", "a:2: second"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
