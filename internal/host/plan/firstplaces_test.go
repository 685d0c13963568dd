package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/state"
)

// bansFirst is a host that has all of wanted, with rules before our jump and behind it.
func bansFirst(before, behind string) string {
	text := strings.Replace(wanted, ":HARDENCTL-INPUT", ":f2b-sshd - [0:0]\n:ts-input - [0:0]\n:MINE - [0:0]\n:HARDENCTL-INPUT", 1)
	return strings.Replace(text, "-A INPUT -j HARDENCTL-INPUT\n", before+"-A INPUT -j HARDENCTL-INPUT\n"+behind, 1)
}

// A jump that the profile lets come before ours makes no difference where it is; any
// other is, and ours goes behind those that stay.
func TestCompareLeading(t *testing.T) {
	const bans, tail, mine = "-A INPUT -p tcp -j f2b-sshd\n", "-A INPUT -g ts-input\n", "-A INPUT -j MINE\n"
	lets := states
	lets.Leading = []string{"f2b-*", "ts-input"}
	const moved = " -j HARDENCTL-INPUT (as rule "
	for _, c := range []struct {
		name, have string
		want       []string
		without    []string // where the profile does not name them
	}{
		{"behind ours", bansFirst("", bans+tail), nil, nil},
		{"before ours", bansFirst(bans+tail, mine), nil, []string{"~ rule filter INPUT 1:" + moved + "3) -> -j HARDENCTL-INPUT #4"}},
		{"around ours", bansFirst(tail, bans), nil, []string{"~ rule filter INPUT 1:" + moved + "2) -> -j HARDENCTL-INPUT #4"}},
		{"with another rule before ours", bansFirst(bans+mine, ""), []string{"~ rule filter INPUT 2:" + moved + "3) -> -j HARDENCTL-INPUT #4"},
			[]string{"~ rule filter INPUT 1:" + moved + "3) -> -j HARDENCTL-INPUT #4"}},
		{"behind another rule", bansFirst(mine+bans, ""), []string{"~ rule filter INPUT 1:" + moved + "3) -> -j HARDENCTL-INPUT #4"},
			[]string{"~ rule filter INPUT 1:" + moved + "3) -> -j HARDENCTL-INPUT #4"}},
	} {
		if got := shorts(Compare(tablesOf(t, c.have), tablesOf(t, wanted), lets)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if got := shorts(Compare(tablesOf(t, c.have), tablesOf(t, wanted), states)); !slices.Equal(got, c.without) {
			t.Errorf("%s, not named: got %q, want %q", c.name, got, c.without)
		}
	}
}

// The note about fail2ban has how many sources it refuses now, each once, and says of rules
// that ask a set that no line lets them come first.
func TestFail2banSources(t *testing.T) {
	const bans = "-A INPUT -p tcp -j f2b-sshd\n-A f2b-sshd -s 192.0.2.9/32 -j REJECT --reject-with icmp-port-unreachable\n" +
		"-A f2b-sshd -s 192.0.2.9/32 -j DROP\n-A f2b-sshd -s 192.0.2.10/32 -j RETURN\n-A f2b-sshd -j RETURN\n"
	have := tablesOf(t, bansFirst(bans, ""))
	notes := Compare(have, tablesOf(t, wanted), states).Notes
	if len(notes) != 1 || !strings.Contains(notes[0], "has banned the source (now: 1 source). When fail2ban") {
		t.Errorf("by rules: %q", notes)
	}
	have = tablesOf(t, bansFirst("-A INPUT -p tcp -m set --match-set f2b-web src -j REJECT\n-A INPUT -p udp -m set --match-set f2b-web src -j REJECT\n", ""))
	have.Sets = map[string]state.Set{"f2b-web": {Entries: 7}, "cdn": {Entries: 9}}
	notes = Compare(have, tablesOf(t, wanted), states).Notes
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "fail2ban (set f2b-web in IPv4 filter INPUT): its bans come behind hardenctl's rules: ") ||
		!strings.Contains(notes[0], "(now: 7 sources). These rules jump to no chain") {
		t.Errorf("by a set: %q", notes)
	}
}

// A known program whose jumps will be behind ours is named once, with the line that lets
// them stay; so are jumps that the profile names and that come behind ours.
func TestFirstPlaces(t *testing.T) {
	const bans, mine = "-A INPUT -p tcp -j f2b-sshd\n", "-A INPUT -j MINE\n-A MINE -j ACCEPT\n"
	lets := states
	lets.Leading = []string{"f2b-*"}
	const others = "IPv4 filter INPUT: 1 rule of other programs never match"
	for _, c := range []struct {
		name, have string
		named      bool
		want       []string // how each note begins
	}{
		{"before ours", bansFirst(bans, mine), false, []string{others, "fail2ban (f2b-sshd in IPv4 filter INPUT): its bans come behind hardenctl's rules"}},
		{"behind ours", bansFirst("", mine+bans), false, []string{others, "fail2ban (f2b-sshd in IPv4 filter INPUT)"}},
		{"before ours, and named", bansFirst(bans, mine), true, []string{others}},
		{"behind ours, and named", bansFirst("", bans), true, []string{"policy.before names these chains, but the jumps to them come behind hardenctl's now (f2b-sshd in IPv4 filter INPUT)"}},
		{"one that is not named", bansFirst("-A INPUT -j ts-input\n", ""), true, []string{"tailscale (ts-input in IPv4 filter INPUT)"}},
	} {
		m := states
		if c.named {
			m = lets
		}
		got := Compare(tablesOf(t, c.have), tablesOf(t, wanted), m).Notes
		if len(got) != len(c.want) || !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
