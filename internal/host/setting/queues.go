package setting

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/ethtool"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// noQueues is the reason why the queues of an interface cannot be changed.
const noQueues = "the driver of this interface does not allow a change of its queues"

// readQueues returns how many combined channels an interface uses.
func readQueues(s state.Setting) (state.Setting, error) {
	c, err := ethtool.ReadChannels(s.NIC)
	switch {
	case errors.Is(err, unix.ENODEV):
		s.Value, s.Unreachable = "", noSuchNIC
		return s, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		s.Value, s.Unreachable = "", noQueues
		return s, nil
	case err != nil:
		return s, err
	}
	s.Unreachable = tooManyQueues(s, c)
	s.Value = strconv.Itoa(int(c.Combined))
	return s, nil
}

// tooManyQueues says why an interface cannot use as many as are wanted; it is
// empty where it can.
func tooManyQueues(wanted state.Setting, c ethtool.Channels) string {
	n, _ := strconv.ParseUint(wanted.Value, 10, 32)
	switch {
	case c.MaxCombined == 0 && c.MaxReceive > 0:
		return fmt.Sprintf("its driver has separate queues for receiving and sending: use `ethtool -L %s rx %d tx %d`, and RxChannels= and TxChannels= in a .link file of your own",
			wanted.NIC, min(uint32(n), c.MaxReceive), min(uint32(n), c.MaxSend))
	case n > uint64(c.MaxCombined):
		return fmt.Sprintf("it has only %d", c.MaxCombined)
	}
	return ""
}

// writeQueues has an interface use so many combined channels, and those of other
// kinds that it uses.
func writeQueues(s state.Setting) error {
	c, err := ethtool.ReadChannels(s.NIC)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(s.Value, 10, 32)
	if err != nil {
		return fmt.Errorf("%s: %q is not a number of queues", s.Stated, s.Value)
	}
	if c.Combined == uint32(n) {
		return nil // as when an apply is undone that could not change it
	}
	c.Combined = uint32(n)
	switch err := ethtool.SetChannels(s.NIC, c); {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: %w: %s, although it reports them; remove queues from the profile", s.Stated, err, noQueues)
	case err != nil:
		return fmt.Errorf("%s: %w", s.Stated, err)
	}
	got, err := ethtool.ReadChannels(s.NIC)
	if err == nil && got.Combined != c.Combined {
		err = fmt.Errorf("%s: set %d, but the kernel uses %d", s.Stated, c.Combined, got.Combined)
	}
	return err
}

// queueNotes says which interfaces of a profile use one queue, and with it one
// processor, where they have more, and the profile does not say how many.
func queueNotes(entries []bundle.SettingEntry) []string {
	var notes []string
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Option == bundle.Queues {
			seen[e.NIC] = true
		}
	}
	for _, e := range entries {
		if seen[e.NIC] {
			continue
		}
		seen[e.NIC] = true
		if c, err := ethtool.ReadChannels(e.NIC); err == nil {
			notes = append(notes, oneQueueNotes(e.NIC, c)...)
		}
	}
	return notes
}

func oneQueueNotes(nic string, c ethtool.Channels) []string {
	most, remedy := c.MaxCombined, "`queues = %d` in the profile uses more"
	if most == 0 {
		most, remedy = c.MaxReceive, "`ethtool -L "+nic+" rx %d` uses more"
	}
	if c.Receive+c.Combined != 1 || most < 2 {
		return nil
	}
	return []string{fmt.Sprintf("%s receives on one of %d queues, so one processor does all the work: "+remedy, nic, most, most)}
}
