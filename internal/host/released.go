package host

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// released are the kernel settings that hardenctl holds and the bundle of a reading
// does not state.
type released struct {
	// held is what the generations tell. It is empty with an error.
	held generation.Held
	err  error
	// here are the settings of the host that held means.
	here map[string]state.Setting
	// restored are those that get their original value.
	restored map[string]state.Setting
	notes    []string
}

// release adds to both sides of a reading the settings that an earlier profile has
// changed and that the bundle does not state: wanted is the value that each had
// before. One that somebody else has changed since stays, and so does one whose
// original value is not known; a note says so.
func (r *Reading) release() error {
	r.released.held, r.released.err = r.host.Generations.Held(r.trial != nil)
	r.released.here = r.host.system.Settings.Here(r.released.held.Stated)
	candidates := maps.Clone(r.released.here)
	stated := map[string]bool{}
	for _, s := range r.Want.Settings {
		stated[setting.ID(s)] = true
	}
	maps.DeleteFunc(candidates, func(_ string, s state.Setting) bool { return stated[setting.ID(s)] })
	have, candidates, err := r.host.system.Settings.Read(candidates)
	if err != nil {
		return err
	}
	r.released.choose(have, candidates)
	for key, s := range r.released.restored {
		r.Have.Settings[key], r.Want.Settings[key] = have[key], s
	}
	return nil
}

// choose sorts out what is restored. candidates have the values that hardenctl gave
// them.
func (r *released) choose(have, candidates map[string]state.Setting) {
	r.restored = map[string]state.Setting{}
	unknown := map[state.Setting][]string{}
	for _, key := range slices.Sorted(maps.Keys(candidates)) {
		now, given := have[key], candidates[key]
		original := given
		var known bool
		original.Value, known = r.held.Original(given)
		switch {
		case now.Unreachable != "": // hardenctl did not change it either
		case known && (now.Same(original) || now.Same(given)):
			r.restored[key] = original
		case !now.Same(given):
			r.notes = append(r.notes, fmt.Sprintf("no longer stated: %s. Somebody has changed it since hardenctl set it to %s, so %s stays", key, given.Value, state.Fold(now.Value)))
		default:
			alike := state.Setting{Stated: given.Stated, Value: given.Value}
			unknown[alike] = append(unknown[alike], key)
		}
	}
	for given, keys := range unknown {
		r.notes = append(r.notes, fmt.Sprintf("no longer stated: %s. The value before hardenctl is not known, so %s stays until the next boot", someOf(keys), given.Value))
	}
	slices.Sort(r.notes)
	if r.err != nil {
		r.notes = append(r.notes, fmt.Sprintf("kernel settings that are no longer stated stay until the next boot: their values before hardenctl cannot be read: %v", r.err))
	}
}

// someOf names the first of some settings: "net.ipv4.conf.eth1.rp_filter and 3 more".
func someOf(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return fmt.Sprintf("%s and %d more", keys[0], len(keys)-1)
}

// originals are the original values of the settings that the bundle states, for the
// generation of the apply. Where they cannot be read, none is known.
func (r *Reading) originals() map[string]string {
	if r.released.err != nil {
		return map[string]string{}
	}
	return r.released.held.OriginalsOf(r.Bundle.Manifest.Settings, r.Have.Settings, r.released.here)
}
