package result

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// A failed visit counts for every attack during which it was under way.
func TestMissed(t *testing.T) {
	r := &Report{
		Attacks: []Attack{{Start: 1, End: 2}, {Start: 3, End: 5}, {Start: 6, End: 7}},
		Visitors: []Visitor{
			{Times: []Visit{{At: 1.5}, {At: 4, Failed: true}, {At: 4.5, Took: 2 * time.Second, Failed: true}}},
			{Times: []Visit{{At: 2.2, Took: time.Second, Failed: true}, {At: 8, Failed: true}}},
		},
	}
	r.Missed()
	for i, want := range []int{0, 3, 1} {
		if got := r.Attacks[i].Missed; got != want {
			t.Errorf("attack %d: %d visits missed, want %d", i, got, want)
		}
	}
}

// docs/automation.md names the lists of the JSON.
func TestKeysAreDocumented(t *testing.T) {
	documented := pages.Section(t, "docs/automation.md", "## JSON")
	fields := reflect.TypeFor[Report]()
	for i := range fields.NumField() {
		f := fields.Field(i)
		list := f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct
		if key := f.Tag.Get("json"); list && !strings.Contains(documented, "`"+key+"`") {
			t.Errorf("docs/automation.md does not name %s", key)
		}
	}
}
