package probe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"hardenctl/compiler/bundle"
	"hardenctl/host/ethtool"
	"hardenctl/host/state"
)

// Reasons why an offload cannot be changed.
const (
	noSuchNIC = "there is no such interface here"
	fixed     = "the driver of this interface does not let it change"
)

// readOffload returns an offload with the value that it has.
func readOffload(s state.Setting) (state.Setting, error) {
	f, err := ethtool.Read(s.NIC, s.Offload)
	switch {
	case errors.Is(err, unix.ENODEV):
		s.Value, s.Unreachable = "", noSuchNIC
		return s, nil
	case err != nil:
		return s, err
	}
	s.Value = onOff(f.On)
	if f.Fixed {
		s.Unreachable = fixed
	}
	return s, nil
}

// writeOffload turns an offload on or off and reads it back: the kernel leaves
// one off that another feature stands against, and says nothing.
func writeOffload(s state.Setting) error {
	if err := ethtool.Set(s.NIC, s.Offload, s.Value == "on"); err != nil {
		return err
	}
	got, err := ethtool.Read(s.NIC, s.Offload)
	if err == nil && onOff(got.On) != s.Value {
		err = fmt.Errorf("%s: turned it %s, and the kernel says %s", s.Stated, s.Value, onOff(got.On))
	}
	return err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// QueueNotes says which interfaces of a profile use one queue, and with it one
// processor, where they have more.
func QueueNotes(entries []bundle.SettingEntry) []string {
	var notes []string
	seen := map[string]bool{}
	for _, e := range entries {
		if e.NIC == "" || seen[e.NIC] {
			continue
		}
		seen[e.NIC] = true
		if c, err := ethtool.ReadChannels(e.NIC); err == nil {
			notes = append(notes, queueNotes(e.NIC, c)...)
		}
	}
	return notes
}

func queueNotes(nic string, c ethtool.Channels) []string {
	kind, most := "combined", c.MaxCombined
	if most == 0 {
		kind, most = "rx", c.MaxReceive
	}
	if c.Receive+c.Combined != 1 || most < 2 {
		return nil
	}
	return []string{fmt.Sprintf("%s receives by one queue of %d, so that one processor does all of it: `ethtool -L %s %s %d` uses more", nic, most, nic, kind, most)}
}
