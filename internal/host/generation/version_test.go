package generation

import (
	"os"
	"strings"
	"testing"
)

// A generation of another version is called that, not broken, and one that is a
// link is not followed; both are in the list, and neither is restored.
func TestNotToBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(s Store) error
		says    string
	}{
		"a later version, with a field more": {func(s Store) error {
			return rewrite(s.path(2, recordName), `"format": 1,`, `"format": 2, "new": [],`)
		}, "unsupported generation format 2 (expected 1); roll back with the hardenctl version"},
		"an earlier one, with a field less": {func(s Store) error {
			return rewrite(s.path(2, recordName), `"format": 1,`, "")
		}, "unsupported generation format 0 (expected 1)"},
		"a field more": {func(s Store) error {
			return rewrite(s.path(2, recordName), `"format": 1,`, `"format": 1, "new": [],`)
		}, "is not as it was written"},
		"a link": {func(s Store) error {
			if err := os.RemoveAll(s.path(2)); err != nil {
				return err
			}
			return os.Symlink("1", s.path(2))
		}, "is a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			s := keep(t, store(t), content("128", 1), content("64", 1))
			must(t, c.arrange(s))
			if _, err := s.Open(2); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("opened: %v, want %q", err, c.says)
			}
			all, err := s.List()
			if err != nil || len(all) != 2 || all[0].Broken != "" || !strings.Contains(all[1].Broken, c.says) {
				t.Errorf("the list is %+v, %v", all, err)
			}
		})
	}
}

// rewrite replaces a part of a file, which must be there.
func rewrite(name, old, new string) error {
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), old) {
		return os.ErrInvalid
	}
	return os.WriteFile(name, []byte(strings.Replace(string(text), old, new, 1)), 0o600)
}
