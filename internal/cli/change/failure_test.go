package change

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// Each outcome has one exit code, whatever the command.
func TestExitCodeOfOutcome(t *testing.T) {
	broken := errors.New("broken")
	locked := &tool.Error{Tool: "iptables-restore", ExitCode: 4, Words: "Another app is currently holding the xtables lock", Err: broken}
	for _, c := range []struct {
		done   host.Status
		err    error
		status host.Status
		code   int
	}{
		{host.Unchanged, nil, host.Unchanged, 0},
		{host.OnTrial, nil, host.OnTrial, 0},
		{host.Confirmed, nil, host.Confirmed, 0},
		{host.Reverted, nil, host.Reverted, 0},
		{host.Confirmed, &apply.UntidyError{Err: broken}, host.Confirmed, 0},
		{host.Confirmed, broken, host.Unchanged, 1},
		{host.Confirmed, host.ErrNotRoot, host.Unchanged, 1},
		{host.Confirmed, &apply.UnconfirmedError{Step: "files", Cause: broken}, host.Unchanged, 1},
		{host.OnTrial, &apply.RevertedError{Step: "sets", Cause: broken}, host.Reverted, 3},
		{host.OnTrial, &apply.RevertedError{Step: "sets", Cause: locked}, host.Reverted, 3},
		{host.OnTrial, errors.Join(&apply.RevertedError{Step: "sets", Cause: broken}, broken), host.Reverted, 3},
		{host.OnTrial, &apply.RevertedError{Step: "sets", Cause: broken, Undo: broken}, host.Incomplete, 4},
		{host.Confirmed, &host.IncompleteError{Cause: broken}, host.Incomplete, 4},
		{host.Reverted, &host.AbandonedError{Cause: broken}, host.Incomplete, 4},
		{host.Reverted, &host.JournalLostError{Cause: broken}, host.Incomplete, 4},
		{host.Confirmed, &host.IncompleteError{Cause: locked}, host.Unchanged, 6},
		{host.Confirmed, locked, host.Unchanged, 6},
		{host.Confirmed, fmt.Errorf("waiting: %w", host.ErrBusy), host.Unchanged, 6},
	} {
		o := host.OutcomeOf(c.done, c.err)
		if code := CodeOf(Failure(o)); o.Status != c.status || code != c.code {
			t.Errorf("%v: %v, exit code %d; want %v, %d", c.err, o.Status, code, c.status, c.code)
		}
		if (o.Warning != nil) != errors.As(c.err, new(*apply.UntidyError)) {
			t.Errorf("%v: warning %v", c.err, o.Warning)
		}
	}
	if code := CodeOf(Failure(host.UnknownEnd(broken))); code != 4 {
		t.Errorf("a trial whose end is not known: exit code %d", code)
	}
}
