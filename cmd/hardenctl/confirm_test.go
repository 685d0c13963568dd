package main

import (
	"encoding/json"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/host"
)

// A confirm promises nothing for a boot at which nothing loads the files.
func TestConfirmed(t *testing.T) {
	const whose = "\nThis was an apply of web.toml by root from 192.0.2.7."
	for _, c := range []struct {
		unloaded []string
		want     string
	}{
		{nil, "Confirmed. The host is as the profile says, also after a reboot." + whose},
		{[]string{"no service loads the saved files at boot: install iptables-persistent"},
			"Confirmed. The host is as the profile says, until the next reboot: no service loads the saved files at boot: install iptables-persistent." + whose},
	} {
		if got := confirmed(host.Outcome{Kept: host.Kept{Apply: "an apply of web.toml by root from 192.0.2.7", Unloaded: c.unloaded}}); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// JSON says what people are told: what was confirmed, whose it was, and how long it
// lasts.
func TestConfirmedJSON(t *testing.T) {
	k := host.Kept{Profile: "web.toml", By: "root from 192.0.2.7", Unloaded: []string{"install iptables-persistent"}}
	got, err := json.Marshal(change.Ending{Outcome: host.Outcome{Status: host.Confirmed, Generation: 3}, Word: "confirmed", Wanted: host.Confirmed, More: about(k)}.View())
	const want = `{"by":"root from 192.0.2.7","confirmed":true,"generation":3,"profile":"web.toml","until_boot":["install iptables-persistent"]}`
	if string(got) != want || err != nil {
		t.Errorf("%v: got %s, want %s", err, got, want)
	}
}
