package dataplane_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/dataplane/fake"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/tool"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// The real tools have a network namespace of their own.
func TestMain(m *testing.M) { lab.Main(m) }

// TestSuite does the same to a machine in memory and to the kernel, by the tools of
// each backend, and compares what each says and what there is afterwards.
func TestSuite(t *testing.T) {
	for _, backend := range lab.Backends {
		for name, script := range scripts {
			t.Run(backend+"/"+name, func(t *testing.T) {
				lab.UseBackend(t, backend)
				lab.FlushState(t)
				t.Cleanup(func() { lab.FlushState(t) })
				live := record(script, dataplane.Live())
				m := fake.New()
				m.Settings["/proc/sys/net/ipv4/ip_default_ttl"] = "64"
				if memory := record(script, m.Plane()); live != memory {
					t.Error(parted(live, memory))
				}
			})
		}
	}
}

// tape is a plane, and what was seen of it.
type tape struct {
	dataplane.Plane
	seen strings.Builder
}

// record plays a script, and returns what was seen.
func record(script func(*tape), p dataplane.Plane) string {
	r := &tape{Plane: p}
	script(r)
	return r.seen.String()
}

// says notes what an operation has ended with, in words that do not depend on the tool.
func (r *tape) says(operation string, err error) {
	word := "done"
	for known, text := range map[error]string{kernelset.ErrBusy: "in use", kernelset.ErrFull: "full", kernelset.ErrNotFound: "not found"} {
		if errors.Is(err, known) {
			word = text
		}
	}
	var said *tool.Error
	switch {
	case word != "done" || err == nil:
	case errors.As(err, &said):
		word = "refused by the tool"
	default:
		word = "refused"
	}
	fmt.Fprintf(&r.seen, "%s: %s\n", operation, word)
}

// load loads rules, and says what there is.
func (r *tape) load(what string, flush bool, lines ...string) {
	text := strings.Join(lines, "\n") + "\n"
	r.says(what, r.Rules.Load(context.Background(), ruleset.V4, []byte(text), flush))
	r.tables()
}

// tables notes the tables that anybody uses.
func (r *tape) tables() {
	have, err := r.Rules.Tables(context.Background(), ruleset.V4)
	r.says("tables", err)
	ids := slices.SortedFunc(maps.Keys(have.Tables), func(a, b state.TableID) int { return strings.Compare(a.Name, b.Name) })
	for _, id := range ids {
		t := have.Tables[id]
		t.Chains = slices.DeleteFunc(slices.Clone(t.Chains), func(c tablefile.Chain) bool {
			return c.BuiltIn() && len(c.Rules) == 0 && c.Policy == "ACCEPT"
		})
		slices.SortFunc(t.Chains, func(a, b tablefile.Chain) int { return strings.Compare(a.Name, b.Name) })
		for i := range t.Chains { // what policies have counted, the legacy tools forget
			t.Chains[i].Packets, t.Chains[i].Bytes = 0, 0
		}
		if len(t.Chains) > 0 {
			r.seen.Write(tablefile.Render([]tablefile.Table{t}, true))
		}
	}
}

// sets notes all sets and their members.
func (r *tape) sets() {
	all, err := r.Sets.List()
	r.says("list", err)
	for _, h := range all {
		fmt.Fprintf(&r.seen, "%s %+v, %d entries, %d references\n", h.Name, probe.HeaderOf(h), h.Entries, h.References)
		var members []string
		for e, err := range r.Sets.Members(h.Name) {
			if err != nil {
				r.says("members", err)
			}
			members = append(members, fmt.Sprintf("  %s %v", e.Prefix, e.Timeout.Round(20*time.Minute))) // time passes
		}
		slices.Sort(members)
		fmt.Fprintln(&r.seen, strings.Join(members, "\n"))
	}
}

func (r *tape) create(lines ...string) {
	r.says("create", r.Sets.Create(context.Background(), setfile.Sets([]byte(strings.Join(lines, "\n")+"\n"))...))
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

var scripts = map[string]func(*tape){
	"rules": func(r *tape) {
		r.tables()
		r.load("a chain and a jump", false, "*filter", ":HARDENCTL-INPUT - [0:0]", "[0:0] -A HARDENCTL-INPUT -p tcp -j ACCEPT", "-I INPUT 1 -j HARDENCTL-INPUT", "COMMIT")
		r.load("a policy with its counters", false, "*filter", ":OUTPUT DROP [7:420]", "COMMIT")
		r.load("a rule in the middle, with what it has counted", false, "*filter", "[5:300] -I HARDENCTL-INPUT 1 -p udp -j DROP", "COMMIT")
		r.load("a rule of others", false, "*filter", "-A INPUT -i lo -j ACCEPT", "COMMIT")
		r.load("delete by number, and by what it says", false, "*filter", "-D HARDENCTL-INPUT 1", "-D INPUT -i lo -j ACCEPT", "COMMIT")
		r.load("a chain that a rule goes to", false, "*filter", "-F HARDENCTL-INPUT", "-X HARDENCTL-INPUT", "COMMIT")
		r.load("a rule that is not there", false, "*filter", "-D INPUT -i eth9 -j ACCEPT", "COMMIT")
		r.load("a set that is not there", false, "*filter", "-A HARDENCTL-INPUT -m set --match-set gone src -j DROP", "COMMIT")
		r.load("a chain that is not there", false, "*filter", "-A HARDENCTL-GONE -j DROP", "COMMIT")
		r.load("the second table is refused", false, "*mangle", ":HARDENCTL-MARK - [0:0]", "COMMIT", "*filter", "-D INPUT -i eth9 -j ACCEPT", "COMMIT")
		first, err := r.Rules.RuleOfInput(context.Background(), ruleset.V4, 1)
		r.says("the first rule of INPUT is "+first.Spec, err)
		r.load("an emptied chain", false, "*filter", ":HARDENCTL-INPUT - [0:0]", "COMMIT")
		r.load("a chain and its jump go", false, "*filter", "-D INPUT -j HARDENCTL-INPUT", "-F HARDENCTL-INPUT", "-X HARDENCTL-INPUT", "COMMIT")
		r.load("a file as a boot loads it", true, "*filter", ":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", "-A INPUT -i lo -j ACCEPT", "COMMIT")
	},
	"sets": func(r *tape) {
		r.create("create a hash:net family inet hashsize 64 maxelem 4", "create b hash:net family inet hashsize 64 maxelem 8",
			"create c hash:ip family inet hashsize 64 maxelem 8 netmask 24 timeout 60 counters", "create six hash:net family inet6 hashsize 64 maxelem 8")
		r.create("create a hash:net family inet hashsize 64 maxelem 4")
		r.says("add", r.Sets.Add("a", prefixes("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8")))
		r.says("add again", r.Sets.Add("a", prefixes("192.0.2.0/24")))
		r.says("add to a full set", r.Sets.Add("a", prefixes("172.16.0.0/12")))
		r.says("add to none", r.Sets.Add("gone", prefixes("192.0.2.0/24")))
		r.says("add IPv6 to IPv4", r.Sets.Add("a", prefixes("2001:db8::/32")))
		r.says("add with times", r.Sets.AddEntries("c", []kernelset.Entry{{Prefix: prefixes("192.0.2.0/24")[0], Timeout: 58 * time.Minute}, {Prefix: prefixes("198.51.100.0/24")[0], Timeout: kernelset.Forever}}))
		r.sets()
		r.says("swap", r.Sets.Swap("a", "b"))
		r.says("swap two types", r.Sets.Swap("a", "c"))
		r.says("swap two families", r.Sets.Swap("a", "six"))
		r.says("swap with none", r.Sets.Swap("a", "gone"))
		r.says("rename", r.Sets.Rename("six", "seven"))
		r.says("rename to one that is there", r.Sets.Rename("seven", "a"))
		r.says("rename none", r.Sets.Rename("gone", "d"))
		r.sets()
		r.load("a rule names b", false, "*filter", "-A INPUT -m set --match-set b src -j DROP", "COMMIT")
		r.says("rename one in use", r.Sets.Rename("b", "d"))
		r.says("destroy one in use", r.Sets.Destroy("b"))
		r.says("swap one in use", r.Sets.Swap("b", "a"))
		r.sets()
		r.says("flush", r.Sets.Flush("b"))
		r.says("flush none", r.Sets.Flush("gone"))
		r.says("destroy", r.Sets.Destroy("c"))
		r.says("destroy none", r.Sets.Destroy("gone"))
		_, err := r.Sets.Lookup("gone")
		r.says("look up none", err)
		r.says("load", r.Sets.Load(context.Background(), []byte("create a hash:net family inet hashsize 64 maxelem 4\nadd a 192.0.2.0/25\nadd a 192.0.2.0/25\ncreate e hash:ip timeout 3600\nadd e 192.0.2.1 timeout 3500\n")))
		r.says("load what is none", r.Sets.Load(context.Background(), []byte("add gone 192.0.2.1\n")))
		r.sets()
		r.load("no rule names b", false, "*filter", "-D INPUT -m set --match-set b src -j DROP", "COMMIT")
		r.says("destroy what was in use", r.Sets.Destroy("b"))
		r.sets()
	},
	"settings": func(r *tape) {
		const key, path = "net.ipv4.ip_default_ttl", "/proc/sys/net/ipv4/ip_default_ttl"
		stated := []bundle.SettingEntry{{Key: key, Value: "99"}, {Key: "net.ipv4.no_such_key", Value: "1"}}
		read := func() {
			have, want, err := r.Settings.Read(r.Settings.Here(stated))
			r.says("read", err)
			for _, k := range slices.Sorted(maps.Keys(want)) {
				fmt.Fprintf(&r.seen, "%s is %q, wanted %q, out of reach %t\n", k, have[k].Value, want[k].Value, have[k].Unreachable != "")
			}
		}
		read()
		r.says("write", r.Settings.Write(state.Setting{Stated: key, Path: path, Value: "99"}))
		read()
		r.says("write it again", r.Settings.Write(state.Setting{Stated: key, Path: path, Value: "99"}))
		r.says("put back", r.Settings.PutBack(state.Setting{Stated: key, Path: path, Value: "64"}))
		r.says("write what is not there", r.Settings.Write(state.Setting{Stated: "net.ipv4.no_such_key", Path: "/proc/sys/net/ipv4/no_such_key", Value: "1"}))
		r.says("put back what is not there", r.Settings.PutBack(state.Setting{Stated: "net.ipv4.no_such_key", Path: "/proc/sys/net/ipv4/no_such_key", Value: "1"}))
		read()
	},
	"files": func(r *tape) {
		const path, other = "/etc/iptables/suite.v4", "/etc/iptables/suite.v6"
		read := func() {
			texts, err := r.Files.Read(map[string]string{"": path, "other": other})
			r.says("read", err)
			fmt.Fprintf(&r.seen, "%q (there: %t), %q (there: %t)\n", texts[path], texts[path] != nil, texts[other], texts[other] != nil)
		}
		prepare := func(have, text []byte) dataplane.Replacement {
			replacement, err := r.Files.Prepare(path, have, text)
			r.says("prepare", err)
			read()
			return replacement
		}
		first := prepare(nil, []byte("one\n"))
		r.says("put", first.Put())
		read()
		r.says("back", first.Back())
		read()
		r.says("discard", first.Discard())
		r.says("replace", r.Files.Replace(path, []byte("two\n")))
		read()
		stale := prepare([]byte("one\n"), []byte("three\n"))
		r.says("put over what somebody has changed", stale.Put())
		r.says("back, though not put", stale.Back())
		read()
		r.says("discard", stale.Discard())
		gone := prepare([]byte("two\n"), nil)
		r.says("put nothing", gone.Put())
		read()
		r.says("back", gone.Back())
		read()
		r.says("sweep", r.Files.Sweep([]string{path, other}))
		r.says("discard", gone.Discard())
		last := prepare([]byte("two\n"), nil)
		r.says("put nothing", errors.Join(last.Put(), last.Discard()))
		read()
	},
}
