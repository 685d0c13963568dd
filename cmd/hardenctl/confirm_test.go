package main

import (
	"testing"

	"hardenctl/host"
)

// A confirm promises nothing for a boot at which nothing loads the files.
func TestConfirmed(t *testing.T) {
	const whose = "\nThis was an apply of web.toml by root from 192.0.2.7."
	for _, c := range []struct {
		unloaded []string
		want     string
	}{
		{nil, "Confirmed. The host is what the profile says, also after the next boot." + whose},
		{[]string{"nothing here loads the saved files at boot: install iptables-persistent"},
			"Confirmed. The host is what the profile says, until the next boot: nothing here loads the saved files at boot: install iptables-persistent." + whose},
	} {
		if got := confirmed(host.Kept{Apply: "an apply of web.toml by root from 192.0.2.7", Unloaded: c.unloaded}); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}
