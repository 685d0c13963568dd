package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// What a confirm that is refused says, and that it changes nothing.
func TestRefusedConfirm(t *testing.T) {
	for _, c := range []struct {
		name    string
		arrange func(b *bench)
		confirm host.Confirmation
		is      error
		says    string
		goesOn  bool
	}{
		{"no trial", func(b *bench) { b.comes(host.Reverted, b.revert()) }, host.Confirmation{}, host.ErrNoTrial, "no trial is pending", false},
		{"the time is over", func(b *bench) { b.deadline(0) }, host.Confirmation{}, host.ErrNoTrial, "no trial is pending", false},
		{"another token", func(*bench) {}, host.Confirmation{Token: "k3x7abqz"}, host.ErrToken, "wrong token: this is not the token of the pending trial (an apply of web.toml, until ", true},
		{"the same session", func(*bench) {}, host.Confirmation{}, host.ErrSameLogin, "open a new SSH session and run `hardenctl confirm` there before ", true},
		{"somebody has changed the rules", func(b *bench) {
			b.must(b.Plane().Rules.Load(context.Background(), ruleset.V4, []byte("*filter\n-D HARDENCTL_INPUT 1\nCOMMIT\n"), false))
		}, host.Confirmation{SameSession: true}, nil, "someone has changed the host since the apply: rules of IPv4 filter", true},
		{"somebody has emptied a set", func(b *bench) { b.must(b.Plane().Sets.Flush("hardenctl_blocked-v4")) },
			host.Confirmation{SameSession: true}, nil, "someone has changed the host since the apply: set hardenctl-blocked-v4 is ", true},
		{"somebody has changed a setting", func(b *bench) { b.Settings[ttl] = "1" },
			host.Confirmation{SameSession: true}, nil, `someone has changed the host since the apply: setting net.ipv4.ip_default_ttl is "1", not "128"; nothing was changed, and the trial continues until `, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.Settings[ttl] = "65"
			b.comes(host.Confirmed, b.apply(oldSite, 0))
			b.Settings[ttl] = "65" // so that the trial changes it
			b.comes(host.OnTrial, b.apply(newSite, time.Minute))
			c.arrange(b)
			before := b.String()
			var o host.Outcome
			b.must(b.held(func(h *host.Handle) error { o = h.Confirm(context.Background(), c.confirm); return nil }))
			if c.is != nil && !errors.Is(o.Err, c.is) || o.Err == nil || !strings.Contains(o.Err.Error(), c.says) {
				t.Errorf("it says %v", o.Err)
			}
			if goesOn := o.Status == host.OnTrial; goesOn != c.goesOn {
				t.Errorf("the host is %v", o.Status)
			}
			if c.goesOn {
				b.is("after that", before)
			}
		})
	}
}

// deadline sets how much is left of the trial.
func (b *bench) deadline(left time.Duration) {
	b.t.Helper()
	e, err := b.journal.Read()
	b.must(err)
	e.Deadline = journal.Now() + left
	b.must(b.journal.Write(e))
}

// What fails in an apply is told with its step, the object and the reason.
func TestMessagesOfAnApply(t *testing.T) {
	for _, c := range []struct {
		operation string
		err       error
		says      string
	}{
		{"prepare /etc/iptables/rules.v4", errors.New("no space left on device"), "preparing files: no space left on device"},
		{"create hardenctl_blocked-v4", errors.New("no such type"), "sets: set hardenctl-blocked-v4: cannot create sets: no such type"},
		{"add hardenctl_blocked-v4", &kernelset.EntryError{Set: "hardenctl_blocked-v4", Err: kernelset.ErrFull}, "sets: set hardenctl-blocked-v4: invalid Prefix in set hardenctl_blocked-v4: the set is full (maxelem)"},
		{"iptables-restore", errors.New("line 7 failed"), "IPv4 rules: line 7 failed"},
		{"ip6tables-restore", errors.New("line 7 failed"), "IPv6 rules: line 7 failed"},
		{"conntrack", errors.New("no netlink"), "open connections: no netlink"},
		{"add hardenctl_trial_v4", errors.New("busy"), "the new rules, on trial: busy"},
		{"write " + ttl + " 128", errors.New("read-only"), "kernel settings: read-only"},
		{"put /etc/iptables/rules.v4", errors.New("input/output error"), "files: input/output error"},
	} {
		b := newBench(t)
		b.comes(host.Confirmed, b.apply(oldSite, 0))
		b.Settings[ttl] = "65"
		b.Break = func(_ int, operation string) error {
			if operation == c.operation {
				return c.err
			}
			return nil
		}
		o := b.apply(newSite, 0)
		if want := c.says + "; the change was undone, the host is as before"; o.Err == nil || o.Err.Error() != want {
			t.Errorf("%q fails: it says %v, not %s", c.operation, o.Err, want)
		}
		if step, _, _ := strings.Cut(c.says, ": "); o.Status != host.Reverted || o.Step != step {
			t.Errorf("%q fails: the host is %v at the step %q", c.operation, o.Status, o.Step)
		}
	}
}

// What a set does not take, a file that somebody has changed, and rules that are not
// what was loaded: each is found, undone and told.
func TestFoundInAnApply(t *testing.T) {
	for _, c := range []struct {
		at   string
		does func(b *bench)
		says string
	}{
		{"put /etc/iptables/rules.v4", func(b *bench) { b.Files["/etc/iptables/rules.v4"] = []byte("# mine\n") }, "files: /etc/iptables/rules.v4 has been changed since it was read; run"},
		{"conntrack", func(b *bench) { b.OpenConnections, b.ConntrackRoom = 5, 3 }, ""},
		{"ip6tables-restore", func(b *bench) {
			b.must(b.Plane().Rules.Load(context.Background(), ruleset.V4, []byte("*filter\n-D HARDENCTL_INPUT 1\nCOMMIT\n"), false))
		}, "reading back: the host differs from the plan: IPv4 filter"},
		{"ip6tables-restore", func(b *bench) { b.must(b.Plane().Sets.Flush("hardenctl_blocked-v4")) }, "reading back: the host differs from the plan: set hardenctl-blocked-v4: it holds 0 entries"},
	} {
		b := newBench(t)
		b.comes(host.Confirmed, b.apply(oldSite, 0))
		done := false
		b.Break = func(_ int, operation string) error {
			if operation == c.at && !done {
				done = true
				c.does(b)
			}
			return nil
		}
		switch o := b.apply(newSite, 0); {
		case c.says == "":
			b.comes(host.Confirmed, o)
			if told := strings.Join(b.steps, "\n"); !strings.Contains(told, "conntrack's table is full, and 2 of 5 open connections may break") {
				t.Errorf("it tells\n%s", told)
			}
		case o.Status != host.Reverted || !strings.HasPrefix(o.Err.Error(), c.says):
			t.Errorf("%s: the host is %v: %v", c.at, o.Status, o.Err)
		}
	}
}

// While a trial is pending, and while another hardenctl is at work, an apply waits,
// and says for what; nothing is changed.
func TestBusy(t *testing.T) {
	b := newBench(t)
	b.comes(host.Confirmed, b.apply(oldSite, 0))
	b.comes(host.OnTrial, b.apply(newSite, time.Minute))
	_, err := b.host.OpenIdle(context.Background(), host.Wait{Limit: 10 * time.Millisecond})
	const says = "an apply of web.toml by "
	if !host.Busy(err) || !strings.HasPrefix(err.Error(), says) || !strings.Contains(err.Error(), " is on trial until ") {
		t.Errorf("a trial is pending: %v", err)
	}
	b.must(b.held(func(*host.Handle) error {
		_, err := b.host.Open(context.Background(), host.Wait{Limit: 10 * time.Millisecond})
		if want := fmt.Sprintf("another hardenctl is running (process %d", os.Getpid()); !host.Busy(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the lock is held: %v, want %s", err, want)
		}
		return nil
	}))
}
