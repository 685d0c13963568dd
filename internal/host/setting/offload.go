package setting

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/ethtool"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Reasons why an offload cannot be changed.
const (
	noSuchNIC = "this host has no such interface"
	fixed     = "the driver of this interface does not allow a change"
)

// readOffload returns an offload with the value that it has.
func readOffload(s state.Setting) (state.Setting, error) {
	f, err := ethtool.Read(s.NIC, s.Option)
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
// one off that another feature forbids, and says nothing.
func writeOffload(s state.Setting) error {
	if err := ethtool.Set(s.NIC, s.Option, s.Value == "on"); err != nil {
		return err
	}
	got, err := ethtool.Read(s.NIC, s.Option)
	if err == nil && onOff(got.On) != s.Value {
		err = fmt.Errorf("%s: set it to %s, but the kernel reports %s", s.Stated, s.Value, onOff(got.On))
	}
	return err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
