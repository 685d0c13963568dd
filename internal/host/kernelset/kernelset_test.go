package kernelset_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/tool"
	"github.com/hardenctl/hardenctl/internal/netns"
)

// inNamespace runs f in a throwaway namespace that has the given sets.
func inNamespace(t testing.TB, create string, f func() error) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	if _, err := tool.Find("ipset"); err != nil {
		t.Skip(err)
	}
	err := netns.Throwaway(func() error {
		if err := kernelset.Create(context.Background(), setfile.Sets([]byte(create))...); err != nil {
			return err
		}
		return f()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a tool for a test.
func run(stdin string, name string, args ...string) (string, error) {
	out, err := tool.Run(context.Background(), tool.Command{Name: name, Args: args, Stdin: []byte(stdin)})
	return string(out), err
}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// sorted reads a whole set; entries are sorted by prefix.
func sorted(name string) (all []kernelset.Entry, err error) {
	for e, err := range kernelset.Members(name) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b kernelset.Entry) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), a.Prefix.Bits()-b.Prefix.Bits())
	})
	return all, nil
}

// want fails the test unless the set holds exactly the prefixes.
func want(t *testing.T, name string, list ...string) error {
	t.Helper()
	got, err := sorted(name)
	if err != nil {
		return err
	}
	var held []netip.Prefix
	for _, e := range got {
		held = append(held, e.Prefix)
	}
	if expected := prefixes(list...); !slices.Equal(held, expected) {
		t.Errorf("%s holds %v, want %v", name, held, expected)
	}
	return nil
}

func TestListTellsHowSetsWereMade(t *testing.T) {
	create := "create z hash:net family inet6 hashsize 4096 maxelem 100\n" +
		"create bans hash:ip family inet6 netmask 64 timeout 3600 forceadd counters comment\n" +
		"create never hash:ip timeout 0\n" +
		"create pairs hash:ip,port\n" +
		"create group list:set\n" +
		"create ports bitmap:port range 1-100\n"
	inNamespace(t, create, func() error {
		if err := kernelset.Add("bans", prefixes("2001:db8::1/128", "2001:db8::2/128", "2001:db8:1::/64")); err != nil {
			return err
		}
		if _, err := run("add group bans\n", "ipset", "restore"); err != nil {
			return err
		}
		got, err := kernelset.List()
		if err != nil {
			return err
		}
		for i := range got {
			if got[i].Memory == 0 || got[i].Revision == 0 {
				t.Errorf("%s: memory %d, revision %d", got[i].Name, got[i].Memory, got[i].Revision)
			}
			got[i].Memory, got[i].Revision, got[i].Options = 0, 0, kernelset.Options{} // of which Declared tells
		}
		want := []kernelset.Header{
			{Name: "bans", Type: "hash:ip", Family: ruleset.V6, HashSize: 1024, MaxElem: 65536, Netmask: 64,
				HasTimeout: true, Timeout: time.Hour, ForceAdd: true, Counters: true, Comments: true, References: 1, Entries: 2},
			{Name: "group", Type: "list:set", Entries: 1},
			{Name: "never", Type: "hash:ip", Family: ruleset.V4, HashSize: 1024, MaxElem: 65536, HasTimeout: true},
			{Name: "pairs", Type: "hash:ip,port", Family: ruleset.V4, HashSize: 1024, MaxElem: 65536},
			{Name: "ports", Type: "bitmap:port"},
			{Name: "z", Type: "hash:net", Family: ruleset.V6, HashSize: 4096, MaxElem: 100},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		return nil
	})
}

func TestListOfNothing(t *testing.T) {
	inNamespace(t, "", func() error {
		if sets, err := kernelset.List(); err != nil || len(sets) != 0 {
			t.Errorf("got %v, %v", sets, err)
		}
		return nil
	})
}

func TestAddAndDelete(t *testing.T) {
	for _, c := range []struct {
		name, create  string
		add, delete   []string
		middle, after []string
	}{
		{
			"IPv4 networks", "hash:net",
			[]string{"192.0.2.0/24", "10.0.0.0/8", "192.0.2.0/24", "198.51.100.7/32", "10.1.2.3/16"}, []string{"10.0.0.0/8", "203.0.113.0/24"},
			[]string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "198.51.100.7/32"}, []string{"10.1.0.0/16", "192.0.2.0/24", "198.51.100.7/32"},
		},
		{
			"IPv6 networks", "hash:net family inet6",
			[]string{"2001:db8::/32", "2001:db8::1/128", "::/1"}, []string{"2001:db8::/32"},
			[]string{"::/1", "2001:db8::/32", "2001:db8::1/128"}, []string{"::/1", "2001:db8::1/128"},
		},
		{
			"IPv4 addresses", "hash:ip",
			[]string{"192.0.2.1/32", "192.0.2.2/32"}, []string{"192.0.2.1/32", "192.0.2.9/32"},
			[]string{"192.0.2.1/32", "192.0.2.2/32"}, []string{"192.0.2.2/32"},
		},
		{
			"IPv6 addresses cut to /64", "hash:ip family inet6 netmask 64",
			[]string{"2001:db8::1/128", "2001:db8:0:1::/64"}, []string{"2001:db8::99/128"},
			[]string{"2001:db8::/64", "2001:db8:0:1::/64"}, []string{"2001:db8:0:1::/64"},
		},
		{
			"IPv4 addresses cut to /24", "hash:ip netmask 24",
			[]string{"192.0.2.1/32", "198.51.100.0/24"}, []string{"192.0.2.0/24"},
			[]string{"192.0.2.0/24", "198.51.100.0/24"}, []string{"198.51.100.0/24"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inNamespace(t, "create a "+c.create+"\n", func() error {
				add := kernelset.Add("a", prefixes(c.add...))
				middle := want(t, "a", c.middle...)
				remove := kernelset.Delete("a", prefixes(c.delete...))
				return errors.Join(add, middle, remove, want(t, "a", c.after...))
			})
		})
	}
}

func TestRefusedEntryIsNamed(t *testing.T) {
	create := "create net hash:net\ncreate ip hash:ip\ncreate six hash:net family inet6\n" +
		"create cut hash:ip family inet6 netmask 64\ncreate small hash:net maxelem 2\ncreate pair hash:ip,port\n"
	inNamespace(t, create, func() error {
		for _, c := range []struct {
			set     string
			entries []string
			want    string
		}{
			{"net", []string{"10.0.0.0/8", "0.0.0.0/0", "192.0.2.0/24"}, "0.0.0.0/0 in set net: the kernel refuses this prefix length"},
			{"net", []string{"192.0.2.0/24", "::/1"}, "::/1 in set net: the set holds IPv4"},
			{"six", []string{"192.0.2.0/24"}, "192.0.2.0/24 in set six: the set holds IPv6"},
			{"six", []string{"::/0"}, "::/0 in set six"},
			{"ip", []string{"10.0.0.0/8"}, "10.0.0.0/8 in set ip: the set holds /32"},
			{"cut", []string{"2001:db8::/48"}, "2001:db8::/48 in set cut: the set holds /64"},
			{"small", []string{"192.0.2.0/32", "192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"}, "192.0.2.2/32 in set small: the set is full"},
			{"pair", []string{"192.0.2.1/32"}, "of type hash:ip,port"},
			{"none", []string{"192.0.2.1/32"}, "no such set"},
		} {
			err := kernelset.Add(c.set, prefixes(c.entries...))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.set, err, c.want)
			}
		}
		var entry *kernelset.EntryError
		err := kernelset.Add("net", []netip.Prefix{{}})
		if !errors.As(err, &entry) || !strings.Contains(err.Error(), "not a prefix") {
			t.Errorf("the zero prefix: got %v", err)
		}
		err = kernelset.Add("small", prefixes("203.0.113.0/24"))
		if !errors.Is(err, kernelset.ErrFull) || !errors.As(err, &entry) {
			t.Errorf("a full set: got %v", err)
		}
		// What was before the refused entry is there, what followed is not.
		return want(t, "net", "10.0.0.0/8")
	})
}

// The entry at fault is in a later message than the first. Which one it is only
// the kernel knows: it lets a set grow a little past maxelem, since it counts
// the parts of a large table apart (mtype_add in ip_set_hash_gen.h).
func TestRefusedEntryIsNamedInALaterBatch(t *testing.T) {
	for _, family := range []string{"inet", "inet6"} {
		inNamespace(t, "create a hash:net maxelem 10000 hashsize 16384 family "+family+"\n", func() error {
			all := many(15_000, family == "inet6")
			err := kernelset.Add("a", all)
			var entry *kernelset.EntryError
			if !errors.As(err, &entry) || !errors.Is(err, kernelset.ErrFull) {
				return fmt.Errorf("%s: got %v, want ErrFull for one entry", family, err)
			}
			h, err := kernelset.Lookup("a")
			if h.Entries < 10_000 || all[h.Entries] != entry.Prefix {
				t.Errorf("%s: %s was refused, but %d entries were added", family, entry.Prefix, h.Entries)
			}
			return err
		})
	}
}

// many returns different prefixes of host length.
func many(n int, six bool) []netip.Prefix {
	list := make([]netip.Prefix, n)
	for i := range list {
		a := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		if six {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		}
		list[i] = netip.PrefixFrom(a, a.BitLen())
	}
	return list
}

func TestManyMembers(t *testing.T) {
	inNamespace(t, "create a hash:net family inet6 maxelem 100000\n", func() error {
		all := many(50_000, true)
		if err := kernelset.Add("a", all); err != nil {
			return err
		}
		got, err := sorted("a")
		if err != nil {
			return err
		}
		for i, e := range got {
			if e.Prefix != all[i] {
				return fmt.Errorf("member %d is %s, want %s", i, e.Prefix, all[i])
			}
		}
		if err := kernelset.Delete("a", all[1:]); err != nil {
			return err
		}
		h, err := kernelset.Lookup("a")
		if len(got) != len(all) || h.Entries != 1 {
			t.Errorf("%d of %d members were read, %d of 1 stayed", len(got), len(all), h.Entries)
		}
		return err
	})
}

func TestTimeouts(t *testing.T) {
	create := "create a hash:ip timeout 3600\ncreate plain hash:ip\n"
	inNamespace(t, create, func() error {
		entries := []kernelset.Entry{
			{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
			{Prefix: netip.MustParsePrefix("192.0.2.2/32"), Timeout: 90 * time.Second},
			{Prefix: netip.MustParsePrefix("192.0.2.3/32"), Timeout: kernelset.Forever},
			{Prefix: netip.MustParsePrefix("192.0.2.4/32"), Timeout: 1 << 62},
		}
		if err := kernelset.AddEntries("a", entries); err != nil {
			return err
		}
		got, err := sorted("a")
		if err != nil {
			return err
		}
		if len(got) != len(entries) {
			return fmt.Errorf("got %v", got)
		}
		for i, most := range []time.Duration{time.Hour, 90 * time.Second, kernelset.Forever} {
			if least := most - time.Minute; got[i].Timeout > most || got[i].Timeout < least {
				t.Errorf("%s has %s, want about %s", got[i].Prefix, got[i].Timeout, most)
			}
		}
		if got[3].Timeout < 24*time.Hour {
			t.Errorf("a timeout beyond the kernel's became %s", got[3].Timeout)
		}
		err = kernelset.AddEntries("plain", entries[1:2])
		if err == nil || !strings.Contains(err.Error(), "created without timeouts") {
			t.Errorf("a timeout in a set without: got %v", err)
		}
		return nil
	})
}

func TestExceptions(t *testing.T) {
	inNamespace(t, "create a hash:net\ncreate ip hash:ip\n", func() error {
		hole := kernelset.Entry{Prefix: netip.MustParsePrefix("10.1.0.0/16"), NoMatch: true}
		if err := kernelset.AddEntries("a", []kernelset.Entry{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, hole}); err != nil {
			return err
		}
		got, err := sorted("a")
		if err != nil {
			return err
		}
		if len(got) != 2 || got[1] != hole || got[0].NoMatch {
			t.Errorf("got %v", got)
		}
		if err := kernelset.AddEntries("ip", []kernelset.Entry{hole}); err == nil {
			t.Error("a hash:ip set took an exception")
		}
		return nil
	})
}

func TestMembersEnds(t *testing.T) {
	inNamespace(t, "create a hash:net maxelem 100000\ncreate pair hash:ip,port\n", func() error {
		if err := kernelset.Add("a", many(20_000, false)); err != nil {
			return err
		}
		seen := 0
		for range kernelset.Members("a") {
			if seen++; seen == 3 {
				break
			}
		}
		if _, err := run("add pair 192.0.2.1,tcp:80\n", "ipset", "restore"); err != nil {
			return err
		}
		if _, err := sorted("pair"); err == nil || !strings.Contains(err.Error(), "hash:ip,port") {
			t.Errorf("members of another type: got %v", err)
		}
		if _, err := sorted("none"); !errors.Is(err, kernelset.ErrNotFound) {
			t.Errorf("a missing set: got %v", err)
		}
		// A dump that was left must not keep the set.
		return kernelset.Destroy("a")
	})
}

func TestWholeSets(t *testing.T) {
	create := "create a hash:net\ncreate b hash:net maxelem 9\ncreate six hash:net family inet6\n"
	inNamespace(t, create, func() error {
		err := errors.Join(
			kernelset.Add("a", prefixes("10.0.0.0/8")),
			kernelset.Add("b", prefixes("192.0.2.0/24")),
			kernelset.Swap("a", "b"),
			want(t, "a", "192.0.2.0/24"),
			want(t, "b", "10.0.0.0/8"),
			kernelset.Flush("a"),
			want(t, "a"),
			kernelset.Destroy("a"),
		)
		if there, err := kernelset.Exists("a"); there || err != nil {
			t.Errorf("a destroyed set exists: %v, %v", there, err)
		}
		if there, err := kernelset.Exists("b"); !there || err != nil {
			t.Errorf("a set does not exist: %v, %v", there, err)
		}
		if err := kernelset.Swap("b", "six"); err == nil {
			t.Error("sets of two families were swapped")
		}
		return err
	})
}

func TestMissingSetIsErrNotFound(t *testing.T) {
	inNamespace(t, "create a hash:net\n", func() error {
		_, lookup := kernelset.Lookup("none")
		for name, err := range map[string]error{
			"Lookup": lookup, "Flush": kernelset.Flush("none"),
			"Swap": kernelset.Swap("none", "a"), "Swap, second": kernelset.Swap("a", "none"),
			"Add": kernelset.Add("none", nil), "Delete": kernelset.Delete("none", nil),
		} {
			if !errors.Is(err, kernelset.ErrNotFound) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		// What shall not be there is not there.
		return kernelset.Destroy("none")
	})
}

// An empty name means all sets to the kernel.
func TestNamesAreChecked(t *testing.T) {
	inNamespace(t, "create a hash:net\n", func() error {
		for _, name := range []string{"", strings.Repeat("x", 32), "a\x00b"} {
			_, lookup := kernelset.Lookup(name)
			_, members := sorted(name)
			for what, err := range map[string]error{
				"Lookup": lookup, "Members": members, "Add": kernelset.Add(name, nil), "Flush": kernelset.Flush(name),
				"Destroy": kernelset.Destroy(name), "Swap": kernelset.Swap("a", name),
			} {
				if err == nil || !strings.Contains(err.Error(), "is not the name of a set") {
					t.Errorf("%s of %q: got %v", what, name, err)
				}
			}
		}
		there, err := kernelset.Exists("a")
		if !there {
			t.Error("the set is gone")
		}
		return err
	})
}

func TestDestroyOfASetInUse(t *testing.T) {
	inNamespace(t, "create a hash:net\ncreate group list:set\n", func() error {
		if _, err := run("add group a\n", "ipset", "restore"); err != nil {
			return err
		}
		if err := kernelset.Destroy("a"); !errors.Is(err, kernelset.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		return nil
	})
}

// The set is free again while Destroy still asks.
func TestDestroyWaitsForASetThatIsLetGo(t *testing.T) {
	inNamespace(t, "create a hash:net\ncreate group list:set\n", func() error {
		if _, err := run("add group a\n", "ipset", "restore"); err != nil {
			return err
		}
		later := exec.Command("ipset", "restore") // which has been started when its word comes
		word, err := later.StdinPipe()
		if err != nil {
			return err
		}
		if err := later.Start(); err != nil {
			return err
		}
		time.AfterFunc(200*time.Millisecond, func() {
			word.Write([]byte("del group a\n"))
			word.Close()
		})
		return errors.Join(kernelset.Destroy("a"), later.Wait())
	})
}

func TestCreate(t *testing.T) {
	inNamespace(t, "create a hash:net\n", func() error {
		for _, c := range []struct{ lines, want string }{
			{"create b hash:ip\ncreate a hash:net\n", "(input line 2: create a hash:net)"},
			{"create b hash:nonsense\n", "(input line 1: create b hash:nonsense)"},
			{"create c hash:net comment " + strings.Repeat("x", 1000) + "\n", "is longer than 1022 bytes"},
		} {
			err := kernelset.Create(context.Background(), setfile.Sets([]byte(c.lines))...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: got %v, want %q", c.lines, err, c.want)
			}
		}
		there, err := kernelset.Exists("a")
		if !there {
			t.Error("the set is gone")
		}
		return err
	})
}
