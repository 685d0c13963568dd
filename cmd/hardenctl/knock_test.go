package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const twoDoors = head + `
services.ssh = { ports = ["tcp/22"], knock = "front" }
services.db = { ports = ["tcp/5432", "tcp/5433"], knock = "back" }
knocks.front.sequence = ["tcp/1", "udp/9"]
knocks.back = { sequence = ["tcp/3", "udp/10", "tcp/7"], open = "1h" }
`

// TestKnock knocks at this host's own loopback, where no program listens: a
// refusal is as good as no answer.
func TestKnock(t *testing.T) {
	enter(t, map[string]string{"two.toml": twoDoors})
	r := run(t, "knock", "127.0.0.1", "--profile", "two.toml", "--name", "back")
	const want = "Sent the knocks to 127.0.0.1: tcp/3, udp/10, tcp/7.\n" +
		"If all of them arrived, db (tcp/5432, tcp/5433) is now open to you for 1h. Connect now, for example: ssh 127.0.0.1\n"
	if r.code != 0 || r.stdout != want || r.stderr != "" {
		t.Errorf("got %+v", r)
	}
	r = run(t, "knock", "127.0.0.1", "--ports", "tcp/1,udp/9", "--json")
	var done map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &done); err != nil || r.code != 0 || len(done) != 3 || done["host"] != "127.0.0.1" {
		t.Errorf("got %+v: %v", r, err)
	}
}

// TestKnockRefused holds that a command line which cannot be right sends
// nothing and says why.
func TestKnockRefused(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"127.0.0.1", "missing flag: add --profile or --ports"},
		{"127.0.0.1 --profile two.toml --ports tcp/1,tcp/2", "--ports and --profile cannot be used together"},
		{"127.0.0.1 --ports tcp/1,tcp/2 --name front", "--name and --ports cannot be used together"},
		{"127.0.0.1 --ports tcp/1,tcp/2 -4 -6", "--ipv4 and --ipv6 cannot be used together"},
		{"--ports tcp/1,tcp/2", "expected 1 argument(s), got 0"},
		{"127.0.0.1 --ports 1,2", `--ports: "1" has no protocol; write "tcp/1" or "udp/1"`},
		{"127.0.0.1 --ports tcp/1", "--ports: the sequence has a length of 1, which is not from 2 to 8"},
		{"127.0.0.1 --ports tcp/1,tcp/2 --delay 1ms", `invalid argument "1ms" for "--delay" flag: must be at least 100ms`},
		{"127.0.0.1 --profile two.toml --name back --delay 10s", "--delay 10s: must be at least 100ms, and less than the knock's step, 10s"},
		{"127.0.0.1 --profile two.toml", "the profile has more than one knock; choose one with --name: back, front"},
		{"127.0.0.1 --profile two.toml --name side", `two.toml has no knock "side"; it has back, front`},
		{"127.0.0.1 --profile none.toml", "none.toml has no knock"},
		{"127.0.0.1 --profile gone.toml", `there is no profile "gone.toml"`},
		{"127.0.0.1 -6 --ports tcp/1,tcp/2", "127.0.0.1"},
	} {
		t.Run(test.args, func(t *testing.T) {
			enter(t, map[string]string{"two.toml": twoDoors, "none.toml": head})
			r := run(t, append([]string{"knock"}, strings.Fields(test.args)...)...)
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, test.want) {
				t.Errorf("got %+v, want it to say %q", r, test.want)
			}
		})
	}
}
