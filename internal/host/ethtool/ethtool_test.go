package ethtool

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFixed shows what no driver of virtual interfaces has of the offloads of
// profiles: one that cannot be changed. The loopback interface has other
// features that are fixed, on or off (drivers/net/loopback.c).
func TestFixed(t *testing.T) {
	defer delete(offloads, "test")
	for feature, want := range map[string]Feature{
		"vlan-challenged": {On: true, Fixed: true},
		"rx-all":          {On: false, Fixed: true},
		"no-such-feature": {On: false, Fixed: true},
	} {
		offloads["test"] = []string{feature}
		if got, err := Read("lo", "test"); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", feature, got, err, want)
		}
	}
	if got, err := Read("lo", "gro"); err != nil || got.Fixed {
		t.Errorf("gro of lo: got %+v, %v", got, err)
	}
}

func TestNoInterface(t *testing.T) {
	for _, err := range []error{
		func() error { _, err := Read("away0", "gro"); return err }(),
		Set("away0", "gro", true),
		func() error { _, err := ReadChannels("away0"); return err }(),
		SetChannels("away0", Channels{Combined: 1}),
	} {
		if !errors.Is(err, unix.ENODEV) {
			t.Errorf("got %v", err)
		}
	}
}
