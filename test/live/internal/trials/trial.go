package trials

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// OnTrial runs a test on a server that others live on and that has a profile,
// once with each backend. It ends what trials are left.
func OnTrial(t *testing.T, test func(t *testing.T, s *Site)) {
	t.Helper()
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		s := NewSite(t)
		run.Expect(t, 0, "apply", s.Before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		test(t, s)
	})
}

// Site is a server with a profile, and another profile to try: it has
// another service, lets others in to a third, bans for another time and states
// another setting.
type Site struct {
	Before, After   string
	Client, knocker *lab.Host
}

// IsNew fails the test unless new connections are decided by the new profile,
// or, if not new, by the old one.
func (s *Site) IsNew(t *testing.T, want bool) {
	t.Helper()
	if wrong := s.unlike(want); wrong != "" {
		t.Fatalf("new rules %v: %s", want, wrong)
	}
}

// BecomesOld waits until new connections are decided by the old profile, and
// notes how long after the deadline that was.
func (s *Site) BecomesOld(t *testing.T, deadline time.Time) {
	t.Helper()
	lab.Await(t, "the old rules", func() bool { return s.unlike(false) == "" })
	NoteP4(t, deadline)
}

// unlike names connections that are not decided as wanted.
func (s *Site) unlike(wantNew bool) string {
	wrong := make([]string, 6)
	var all sync.WaitGroup
	for i, c := range []struct {
		from *lab.Host
		port string
		open bool
	}{{s.Client, "80", !wantNew}, {s.Client, "8443", wantNew}, {s.knocker, "22", wantNew}} {
		for j, server := range traffic.Servers {
			all.Add(1)
			go func() {
				defer all.Done()
				if traffic.Connects(c.from, net.JoinHostPort(server, c.port), c.open) != c.open {
					wrong[2*i+j] = fmt.Sprintf("%s -> %s port %s: want open %v ", c.from.Name(), server, c.port, c.open)
				}
			}()
		}
	}
	all.Wait()
	return strings.Join(wrong, "")
}

// NewSite makes the network of a site. At the end of the test it reverts what is on
// trial.
func NewSite(t *testing.T) *Site {
	t.Helper()
	network := lab.NewNetwork(t)
	for _, port := range []int{22, 80, 8443} {
		lab.Serve(t, "tcp", port)
	}
	s := &Site{
		Before: webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 99\n[policy]"),
		After: webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]", `"tcp/80"`, `"tcp/8443"`,
			"198.51.100.0/28", "198.51.100.64/28", "2001:db8:10::/48", "2001:db8:11::/48", `ban = "1h"`, `ban = "30m"`),
		Client:  network.Host("client", "192.0.2.20/24", "2001:db8::20/64"),
		knocker: network.Host("knocker", "198.51.100.65", "2001:db8:11::65"),
	}
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	return s
}

// TryOut puts a profile on trial and returns the word that confirms it.
func TryOut(t *testing.T, profile, within string) (token string, deadline time.Time) {
	t.Helper()
	out := run.ExpectAs(t, run.Applying, 0, "apply", profile, "--auto-approve", "--no-guard", "--json", "--confirm-within", within)
	var o struct {
		Applied bool
		Trial   struct {
			Token    string
			Deadline time.Time
			Seconds  int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &o))
	asked, err := time.ParseDuration(within)
	require.NoError(t, err)
	if !o.Applied || len(o.Trial.Token) != 8 || o.Trial.Seconds != int(asked.Seconds()) || time.Until(o.Trial.Deadline) > asked {
		t.Fatalf("a trial of %s: %+v", within, o)
	}
	return o.Trial.Token, o.Trial.Deadline
}

// DieConfirming confirms a trial in a process that dies when the rules are next.
func DieConfirming(t *testing.T, profile string) {
	t.Helper()
	token, _ := TryOut(t, profile, "2m")
	run.KillAll(t)
	inject.BreakNamed(t, "iptables-restore", "kill -KILL $PPID; exit 1")
	run.As(t, run.Confirming, "confirm", token)
	e, err := stage.Journal.Read()
	require.NoError(t, err)
	if e.Phase != journal.Confirmed {
		t.Fatalf("the journal says %s", e.Phase)
	}
}

// AfterRollback are the arguments by which an apply goes on after a rollback;
// none if the last change was not a rollback.
func AfterRollback() []string {
	live, ok := stage.Generations.LastRollback()
	if !ok {
		return nil
	}
	return []string{"--after-rollback", strconv.Itoa(live.Number)}
}
