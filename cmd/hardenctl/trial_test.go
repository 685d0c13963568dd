package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
)

// A command that changes the host waits ten seconds for another one. At boot,
// restore waits longer: no person is there to try again.
func TestLockTimeout(t *testing.T) {
	for command, want := range map[string]string{
		"apply": "10s", "rollback": "10s", "confirm": "10s", "revert": "10s", "restore": "1m0s",
	} {
		cmd, _, err := newRoot().Find([]string{command})
		if err != nil {
			t.Fatal(err)
		}
		if flag := cmd.Flags().Lookup("lock-timeout"); flag == nil || flag.DefValue != want {
			t.Errorf("%s: --lock-timeout is %+v, want %s", command, flag, want)
		}
	}
}

// A time without a unit is refused with an example, and a token that a script
// has lost confirms no trial that happens to be pending.
func TestTrialArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"apply", "builtin:web", "--confirm-within", "90"}, `"90"`},
		{[]string{"apply", "builtin:web", "--confirm-within", "2d"}, `"2d"`},
		{[]string{"apply", "builtin:web", "--confirm-within", "90"}, "such as 90s, 5m or 1h"},
		{[]string{"confirm", "--lock-timeout", "10"}, "such as 90s, 5m or 1h"},
		{[]string{"confirm", ""}, "the token is empty"},
		{[]string{"confirm", "a", "b"}, "at most 1"},
	} {
		if got := run(t, c.args...); got.code != exitcode.Error || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%q: exit %d, %s", c.args, got.code, got.stderr)
		}
	}
}

// No flag of any command takes a negative time: it would count as none.
func TestNoNegativeTime(t *testing.T) {
	found := 0
	for _, cmd := range newRoot().Commands() {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Value.Type() != "duration" {
				return
			}
			found++
			before := flag.Value.String()
			if err := flag.Value.Set("-1s"); err == nil || flag.Value.String() != before {
				t.Errorf("%s takes --%s -1s", cmd.Name(), flag.Name)
			}
		})
	}
	if found < 8 {
		t.Errorf("%d flags that take a time", found)
	}
	got := run(t, "confirm", "--lock-timeout", "-1s")
	if want := `invalid argument "-1s" for "--lock-timeout" flag: must not be negative`; got.code != exitcode.Error || !strings.Contains(got.stderr, want) {
		t.Errorf("exit %d, %s, want %s", got.code, got.stderr, want)
	}
}
