package setting

import (
	"io/fs"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// nics are what network interfaces do for the processor: offloads, and how many
// queues they use.
type nics struct{}

// States implements Kind.
func (nics) States(e bundle.SettingEntry) bool { return e.NIC != "" }

// Owns implements Kind.
func (nics) Owns(s state.Setting) bool { return s.NIC != "" }

// Here implements Kind.
func (nics) Here(_ fs.FS, e bundle.SettingEntry) map[string]state.Setting {
	return map[string]state.Setting{e.Object(): {Stated: e.Object(), NIC: e.NIC, Option: e.Option, Value: e.Value}}
}

// Read implements Kind.
func (nics) Read(s state.Setting) (state.Setting, error) {
	if s.Option == bundle.Queues {
		return readQueues(s)
	}
	return readOffload(s)
}

// Write implements Kind.
func (nics) Write(s state.Setting) error {
	if s.Option == bundle.Queues {
		return writeQueues(s)
	}
	return writeOffload(s)
}

// Notes implements Kind.
func (nics) Notes(_ bundle.Layout, stated []bundle.SettingEntry) []string {
	return slices.Concat(linkNotes(stated), queueNotes(stated))
}
