package docs

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/comparison"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// firstTry are rules that look right: one set, one limit and one order that fail
// when somebody tries. The limit remembers for ten minutes, so that it is full
// also on a machine that needs more than some seconds to fill it.
const firstTry = `ipset create hardenctl-ban-v4 hash:ip maxelem 65536 timeout 600
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p icmp --icmp-type echo-request -m hashlimit --hashlimit-above 2/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name echo -j DROP
iptables -A INPUT -p tcp --dport 23 -j SET --add-set hardenctl-ban-v4 src
iptables -A INPUT -p tcp --dport 443 -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name new --hashlimit-htable-expire 600000 -j DROP
`

// eachAddress bans IPv6 sources as if they were IPv4 ones: each address by
// itself.
const eachAddress = `ipset create each hash:ip family inet6 timeout 600
ip6tables -A INPUT -p tcp --syn -m set --match-set each src -j DROP
ip6tables -A INPUT -p tcp --syn -m multiport ! --dports 80,443 -m hashlimit --hashlimit-above 10/hour --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name each --hashlimit-htable-expire 3600000 -j SET --add-set each src
`

// Rules that look right fail, and ours do not.
func TestPitfalls(t *testing.T) {
	both := []comparison.Flaw{
		{Name: "a full table of a limit drops every new source", Shows: dropsNewSources}, // before any of the crowd is banned
		{Name: "a set that was made small refuses sources", Shows: refusesSources},
		{Name: "a flow that is open goes round the limit", Shows: answersEveryEcho},
	}
	six := []comparison.Flaw{{Name: "each address of a /64 has probes of its own", Shows: countsEachAddress}}
	rulesHave(t, firstTry, traffic.Families[0], both)
	rulesHave(t, eachAddress, traffic.Families[1], six)
	profileHasNone(t, lab.Backends, webserver.Watched+banset.Proven, slices.Concat(both, six), traffic.Families...)
}

// listDoor is a knock as it is often built, by lists of xt_recent: a source that has sent the
// first knock within a minute may send the second.
const listDoor = `iptables -A INPUT -p tcp --dport 7001 -m recent --name heard --set -j DROP
iptables -A INPUT -p tcp --dport 3000 -m recent --name heard --rcheck --seconds 60 -m recent --name open --set -j DROP
iptables -A INPUT -p tcp --dport 5432 -m recent --name open ! --rcheck --seconds 60 -j DROP
`

// fullSet bans into a set that holds a thousand, and replaces no entry.
const fullSet = `ipset create hardenctl-ban-v4 hash:ip maxelem 1000 timeout 600
iptables -A INPUT -p tcp --dport 23 -j SET --add-set hardenctl-ban-v4 src
`

// Many sources that know the first knock make a knock of lists forget the source that knocked
// before, and a crowd that is banned keeps a full set from taking the next. That
// it does not so with ours, TestKnockCrowd and TestFullSets show.
func TestPitfallsOfManySources(t *testing.T) {
	rulesHave(t, listDoor, traffic.Families[0], []comparison.Flaw{{Name: "a crowd makes a knock forgotten", Shows: forgetsKnocks}})
	rulesHave(t, fullSet, traffic.Families[0], []comparison.Flaw{{Name: "a full set takes no new ban", Shows: takesNoBan}})
}

func forgetsKnocks(t *testing.T, s comparison.Scenario) (bool, string) {
	knocks := func(others int) int {
		h := s.Host(t)
		require.NoError(t, h.Forge(traffic.SYN(s.Of(h), 7001)))
		require.NoError(t, h.Forge(s.Crowd(7001, others)...))
		require.NoError(t, h.Forge(traffic.SYN(s.Of(h), 3000)))
		return s.Connects(h, 5432, 1)
	}
	alone, crowded := knocks(0), knocks(listed(t)+50)
	return alone == 1 && crowded == 0, fmt.Sprintf("alone %s connections, in a crowd %s", ofTotal(alone, 1), ofTotal(crowded, 1))
}

func takesNoBan(t *testing.T, s comparison.Scenario) (bool, string) {
	early, late := s.Host(t), s.Host(t)
	require.NoError(t, early.Forge(traffic.SYN(s.Of(early), 23)))
	require.NoError(t, early.Forge(s.Crowd(23, 1500)...))
	require.NoError(t, late.Forge(traffic.SYN(s.Of(late), 23)))
	return banset.Banned(t, s.Of(early)) && !banset.Banned(t, s.Of(late)), fmt.Sprintf("%d of 1502 sources are banned", banset.Header(t, "hardenctl-ban-v4").Entries)
}

// refusesSources has many sources touch a tripwire. The kernel does not enlarge
// a set for what packets add.
func refusesSources(t *testing.T, s comparison.Scenario) (bool, string) {
	sources := 16_384
	if s.Ours {
		sources = 8_000 // of forged bans, 10,000 are taken in at once
	}
	set := "hardenctl-ban-v4"
	if s.V6 {
		set = "hardenctl-ban-v6"
	}
	before := banset.Header(t, set).Entries
	require.NoError(t, s.Host(t).Forge(s.Crowd(23, sources)...))
	n := int(banset.Header(t, set).Entries - before)
	return n < sources*9/10, ofTotal(n, sources) + " sources are in the set"
}

// dropsNewSources opens connections in the names of more sources than the table
// of a limit holds by default.
func dropsNewSources(t *testing.T, s comparison.Scenario) (bool, string) {
	const sources = 70_000
	customer := s.Host(t)
	require.NoError(t, s.Host(t).Forge(s.Crowd(443, sources)...))
	n := s.Connects(customer, 443, 5)
	return n == 0, fmt.Sprintf("%s connections after %d sources", ofTotal(n, 5), sources)
}

// countsEachAddress has neighbours of one /64 send two probes each, by IPv6
// whatever the scenario is.
func countsEachAddress(t *testing.T, s comparison.Scenario) (bool, string) {
	s.Family = traffic.Families[1]
	h := s.Host(t)
	neighbour := s.Of(h).As16()
	for i := range 10 {
		neighbour[15] = byte(0x80 + i)
		require.NoError(t, h.Forge(traffic.SYNs(netip.AddrFrom16(neighbour), 7000+2*i, 2)...))
	}
	n := s.Connects(h, 443, 1)
	return n == 1, ofTotal(n, 1) + " connections after 20 probes of 10 neighbours"
}

// A limit that an apply changes is the new one at once. The kernel keeps the
// table of a limit by its name, and with it the rate that it was made with.
func TestLimitChanges(t *testing.T) {
	const (
		wide   = "1000/second burst 1000"
		narrow = "1/hour burst 5"
	)
	after := func(t *testing.T, load func(rate string)) int {
		s := comparison.Scenario{Hosts: &comparison.Hosts{Network: lab.NewNetwork(t)}, Family: traffic.Families[0]}
		load(wide)
		h := s.Host(t)
		if n := s.Connects(h, 443, 20); n != 20 {
			t.Errorf("%d of 20 connections at %s", n, wide)
		}
		load(narrow)
		return s.Connects(h, 443, 20)
	}
	t.Run("one name", func(t *testing.T) {
		stage.Bare(t, "nft")
		lab.Serve(t, "tcp", 443)
		flags := map[string]string{wide: "1000/sec --hashlimit-burst 1000", narrow: "1/hour --hashlimit-burst 5"}
		if n := after(t, func(rate string) {
			run.WithInput(t, "*filter\n-A INPUT -p tcp --syn --dport 443 -m hashlimit --hashlimit-mode srcip --hashlimit-name new --hashlimit-above "+
				flags[rate]+" -j DROP\nCOMMIT\n", "iptables-restore")
		}); n != 20 {
			t.Errorf("%d of 20 connections: the kernel takes the new rate by itself", n)
		}
	})
	stage.OnBackends(t, func(t *testing.T) {
		lab.Serve(t, "tcp", 443)
		if n := after(t, func(rate string) {
			run.Expect(t, 0, "apply", webserver.Variant(t, "50/second burst 200", rate), "--auto-approve", "--confirm-within", "0", "--no-guard")
		}); n != 4 { // of a burst of 5, one is for a source that comes first
			t.Errorf("%d of 20 connections at %s", n, narrow)
		}
	})
}

// UDP from a port below 1024 to one above is taken for a late answer, and is not a probe;
// from another port, or to a port of servers, it is.
func TestLateAnswersAreNoProbes(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "")
		network := lab.NewNetwork(t)
		for _, c := range []struct {
			name, v4, v6 string
			port         uint16
			first        int
			banned       bool
		}{
			{"resolver", "203.0.113.53", "2001:db8:53::53", 53, 7000, false},
			{"scanner", "203.0.113.66", "2001:db8:66::66", 3053, 7000, true},
			{"disguised", "203.0.113.67", "2001:db8:67::67", 53, 600, true},
		} {
			h := network.Host(c.name, c.v4, c.v6)
			traffic.Arrive(t, h)
			for i, a := range traffic.Addresses(h) {
				for port := c.first; port < c.first+20; port++ {
					conn, err := h.DialFrom(netip.AddrPortFrom(a, c.port), "udp", comparison.Scenario{Family: traffic.Families[i]}.At(port), lab.Patience)
					require.NoError(t, err)
					_, err = conn.Write([]byte("x"))
					require.NoError(t, err)
					conn.Close()
				}
				if is := banset.Banned(t, a); is != c.banned {
					t.Errorf("%v after 20 datagrams from port %d: banned is %v", a, c.port, is)
				}
			}
		}
	})
}
