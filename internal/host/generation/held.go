package generation

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// originalsName is the file in before/ that has the original value of each setting
// that the profile states: that which it had before the first of the profiles in a
// row that state it. With it, no older generation is needed to restore a setting. A
// setting that is not in it has an original value that is not known. Generations of
// earlier versions do not have the file.
const originalsName = "original-settings"

// Held are the kernel settings that hardenctl has changed and not restored, as the
// generations tell.
type Held struct {
	// Stated are the entries by which they were changed. If two of them mean one
	// setting, the last one counts.
	Stated []bundle.SettingEntry
	// Originals are the values to restore. It may have none for what Stated means.
	Originals []Original
}

// Original is a setting with the value that it had before hardenctl changed it.
type Original struct {
	// Key is what plans call the setting.
	Key string
	// Entry states that setting alone, with the original value.
	bundle.SettingEntry
	// Known is false where the value is only the oldest one that the generations
	// still have, and may be one of hardenctl's own.
	Known bool
	id    string // of setting.ID
}

// Original is the original value of a setting, as far as that is known.
func (h Held) Original(s state.Setting) (value string, known bool) {
	if i := h.index(setting.ID(s)); i >= 0 {
		return h.Originals[i].Value, h.Originals[i].Known
	}
	return "", false
}

func (h Held) index(id string) int {
	return slices.IndexFunc(h.Originals, func(o Original) bool { return o.id == id })
}

// Held returns the settings that the newest generation states, which is what the
// host was moved to last; onTrial, the one that is staged. Generations of earlier
// versions did not restore what they no longer stated, so that it is still held.
func (s Store) Held(onTrial bool) (h Held, err error) {
	numbers, err := s.numbers()
	if err != nil {
		return h, err
	}
	if onTrial {
		numbers = append(numbers, staged)
	}
	whole := len(numbers) - 1 // the newest that needs no older one
	for whole > 0 && !isThere(s.path(numbers[whole], beforeName, originalsName)) {
		whole--
	}
	numbers = numbers[max(whole, 0):]
	for i, n := range numbers {
		if err := s.hold(&h, n, i > 0 && n > numbers[i-1]+1); err != nil {
			return Held{}, fmt.Errorf("generation %d: %w", n, err)
		}
	}
	return h, nil
}

// hold adds what one generation tells. late says that older ones were pruned.
func (s Store) hold(h *Held, number int, late bool) error {
	g, err := s.record(number)
	if err != nil {
		return err
	}
	m, err := s.manifest(g)
	if err != nil {
		return err
	}
	texts, err := s.before(number)
	if errors.Is(err, ErrNone) {
		err = nil // of an earlier version: what was before is not known
	}
	if err == nil {
		h.add(m, texts, late)
	}
	return err
}

// add is hold, of what a generation states and what it found.
func (h *Held) add(m bundle.Manifest, texts map[string][]byte, late bool) {
	if m.Before {
		*h = Held{} // all is restored
		return
	}
	originals, complete := texts[path.Join(beforeName, originalsName)]
	if complete {
		*h = Held{}
	}
	h.Stated = append(h.Stated, m.Settings...)
	h.addValues(m.Settings, originals, true)
	h.addValues(m.Settings, texts[path.Join(beforeName, settingsName)], !complete && !late)
}

// addValues adds the values of a file, but of settings of which one is known.
func (h *Held) addValues(stated []bundle.SettingEntry, text []byte, known bool) {
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " = ")
		entry, found := setting.Entry(stated, key)
		id := setting.IDOf(entry)
		if !found || value == "" || h.index(id) >= 0 {
			continue
		}
		entry.Value, entry.Origin = value, bundle.Origin{Part: bundle.BeforeProfile}
		h.Originals = append(h.Originals, Original{key, entry, known, id})
	}
}

// OriginalsOf returns the original values of the settings that a bundle states, as
// far as they are known, by the names that plans give them. Of a setting that is not
// held it is the value that the host has. held are the settings of the host that
// Stated means.
func (h Held) OriginalsOf(stated []bundle.SettingEntry, have, held map[string]state.Setting) map[string]string {
	isHeld, seen := map[string]bool{}, map[string]bool{}
	for _, s := range held {
		isHeld[setting.ID(s)] = true
	}
	values := map[string]string{}
	for key, s := range have {
		if _, found := setting.Entry(stated, key); !found {
			continue
		}
		id := setting.ID(s)
		seen[id] = true
		if value, known := h.Original(s); known {
			values[key] = value
		} else if !isHeld[id] && s.Value != "" {
			values[key] = s.Value
		}
	}
	for _, e := range stated { // such as an interface that is not there now
		if i := h.index(setting.IDOf(e)); i >= 0 && h.Originals[i].Known && !seen[h.Originals[i].id] {
			values[h.Originals[i].Key] = h.Originals[i].Value
		}
	}
	return values
}
