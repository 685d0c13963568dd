package ethtool

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Channels are the queues that an interface uses and could use. Combined ones
// receive and send; a driver has these, or some for each direction.
type Channels struct {
	Receive, Send, Combined          uint32
	MaxReceive, MaxSend, MaxCombined uint32
}

// channels is the kernel's struct ethtool_channels.
type channels struct {
	cmd                                 uint32
	maxRx, maxTx, maxOther, maxCombined uint32
	rx, tx, other, combined             uint32
}

// ReadChannels returns the queues of an interface. The error wraps
// unix.EOPNOTSUPP where the driver does not tell.
func ReadChannels(nic string) (Channels, error) {
	c, err := readChannels(nic)
	return Channels{c.rx, c.tx, c.combined, c.maxRx, c.maxTx, c.maxCombined}, err
}

func readChannels(nic string) (channels, error) {
	c := channels{cmd: unix.ETHTOOL_GCHANNELS}
	err := call(nic, unsafe.Pointer(&c))
	return c, err
}

// SetChannels has an interface use so many queues; of want, the most are not
// looked at. Many drivers stop the interface for a moment to do it. The error
// wraps unix.EINVAL where the driver has not so many, and unix.EOPNOTSUPP where
// it does not let them change.
func SetChannels(nic string, want Channels) error {
	c, err := readChannels(nic)
	if err != nil {
		return err
	}
	c.cmd = unix.ETHTOOL_SCHANNELS
	c.rx, c.tx, c.combined = want.Receive, want.Send, want.Combined
	return call(nic, unsafe.Pointer(&c))
}
