package host_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// boot forgets what a kernel forgets, and restores. It returns what restore says.
func (b *bench) boot() (said string, err error) {
	b.t.Helper()
	b.Reboot(map[string]string{ttl: "64"})
	h, err := b.host.OpenAtBoot(context.Background(), host.Wait{Limit: time.Second})
	b.must(err)
	defer h.Close()
	o := h.Restore(context.Background(), func(line string) { said += line + "\n" })
	if want := map[bool]host.Status{true: host.Confirmed, false: host.Closed}[o.Err == nil]; o.Status != want {
		b.t.Errorf("the restore ends with %v, %v", o.Status, o.Err)
	}
	return said, o.Err
}

// A boot puts in force what was confirmed last; a trial is over then.
func TestBoot(t *testing.T) {
	b := newBench(t)
	b.comes(host.Confirmed, b.apply(oldSite, 0))
	confirmed := b.String()
	b.must(second(b.boot()))
	b.is("after a boot", confirmed)

	b.comes(host.OnTrial, b.apply(newSite, time.Minute))
	said, err := b.boot()
	b.must(err)
	b.is("after a boot in a trial", confirmed)
	b.idle("after a boot in a trial")
	if want := "IPv4: the rules of /etc/iptables/rules.v4 are in force\n"; !strings.Contains(said, want) {
		t.Errorf("it says %q", said)
	}
}

// second is the error of a call that returns something else too.
func second[T any](_ T, err error) error { return err }

// A boot in a confirm, wherever the machine stops: it comes to the old state before
// the confirm is noted, and to the new one after.
func TestBootInEachOperationOfAConfirm(t *testing.T) {
	states := map[bool]string{}
	for _, newer := range []bool{false, true} {
		b := newBench(t)
		b.comes(host.Confirmed, b.apply(oldSite, 0))
		if newer {
			b.comes(host.Confirmed, b.apply(newSite, 0))
		}
		states[newer] = b.String()
	}
	booted := map[bool]int{}
	for n := 0; ; n++ {
		b := newBench(t)
		b.comes(host.Confirmed, b.apply(oldSite, 0))
		b.comes(host.OnTrial, b.apply(newSite, time.Minute))
		first := len(b.Done)
		b.Break = func(done int, _ string) error {
			if done-first == n {
				panic(death{})
			}
			return nil
		}
		killed := dies(func() { b.confirm() })
		if b.Break = nil; !killed {
			break
		}
		e, _ := b.journal.Read()
		newer := e.Phase == journal.Confirmed
		b.must(second(b.boot()))
		b.is("after a boot at "+b.Done[first+n], states[newer])
		b.idle("after a boot at " + b.Done[first+n])
		booted[newer]++
	}
	if booted[false] < 3 || booted[true] < 10 {
		t.Errorf("booted %v", booted)
	}
}

// Whatever fails in a boot, no family is left open: it has the rules of the files, or
// it is closed.
func TestEachFailureOfABoot(t *testing.T) {
	failed := 0
	for n := 0; ; n++ {
		b := newBench(t)
		b.comes(host.Confirmed, b.apply(oldSite, 0))
		b.breakAt(n)
		first := len(b.Done)
		_, err := b.boot()
		if len(b.Done)-first <= n {
			b.must(err)
			break
		}
		if err != nil {
			failed++
		}
		for _, family := range ruleset.Families {
			if policy := b.Policy(family, "INPUT"); policy != "DROP" {
				t.Errorf("a boot in which %q fails (operation %d): IPv%d has the policy %s: %v", b.Done[first+n], n, family, policy, err)
			}
		}
	}
	if failed < 3 {
		t.Errorf("only %d boots have failed", failed)
	}
}

// A line that the tool refuses closes its family and no other, and the error names
// the file and the line.
func TestBootWithABrokenFile(t *testing.T) {
	b := newBench(t)
	b.comes(host.Confirmed, b.apply(oldSite, 0))
	const path = "/etc/iptables/rules.v4"
	b.Files[path] = []byte(strings.Replace(string(b.Files[path]), "-A INPUT", "-A GONE", 1))
	said, err := b.boot()
	if err == nil || !strings.HasPrefix(err.Error(), path+" cannot be loaded: iptables-restore: exit code 1: iptables-restore: line ") || !strings.Contains(err.Error(), "no chain GONE") {
		t.Errorf("the error is %v", err)
	}
	const closed, open = "IPv4: CLOSED but for administrators, by /etc/hardenctl/closed.v4\n", "IPv6: the rules of /etc/iptables/rules.v6 are in force\n"
	if !strings.Contains(said, closed) || !strings.Contains(said, open) {
		t.Errorf("it says\n%s", said)
	}
	if strings.Contains(b.String(), "IPv4\n*filter\n:FORWARD DROP [0:0]\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n") == false {
		t.Errorf("the machine is\n%s", b)
	}
}
