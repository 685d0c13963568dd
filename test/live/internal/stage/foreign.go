// Package stage makes the server under test: bare, or with what others own on it. It
// takes pictures of all that an apply can change, and compares them.
package stage

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// AddForeign puts what others have on the server.
func AddForeign(t *testing.T) {
	t.Helper()
	run.WithInput(t, OthersSets, "ipset", "restore")
	run.WithInput(t, OthersV4, "iptables-restore", "-c")
	run.WithInput(t, othersV6, "ip6tables-restore", "-c")
	require.NoError(t, os.WriteFile("/etc/iptables/rules.v4", []byte(OthersFile), 0o640))
	require.NoError(t, os.WriteFile("/etc/iptables/ipsets", []byte(OthersSets), 0o640))
	require.NoError(t, os.WriteFile("/etc/iptables/notes.txt", []byte("ours is ours\n"), 0o600))
}

// What others have on the server: a container engine's chains, a ban tool's
// chain in front of everything, an administrator's rules, with what they have
// counted.
const (
	OthersV4 = `*nat
:PREROUTING ACCEPT [11:660]
:POSTROUTING ACCEPT [5:300]
:DOCKER - [0:0]
[7:420] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[3:180] -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
[2:120] -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT ACCEPT [100:6000]
:FORWARD DROP [4:240]
:OUTPUT ACCEPT [90:5400]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:f2b-sshd - [0:0]
[40:2400] -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
[6:360] -A INPUT -s 192.0.2.200/32 -m comment --comment "the old monitor" -j ACCEPT
[9:540] -A FORWARD -j DOCKER-USER
[8:480] -A FORWARD -o docker0 -j DOCKER
[1:60] -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
[9:540] -A DOCKER-USER -j RETURN
[2:120] -A f2b-sshd -s 203.0.113.77/32 -j REJECT --reject-with icmp-port-unreachable
[38:2280] -A f2b-sshd -j RETURN
COMMIT
`
	othersV6 = `*filter
:INPUT ACCEPT [10:800]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [9:720]
:MINE - [0:0]
[4:320] -A INPUT -s 2001:db8:99::/48 -j MINE
[4:320] -A MINE -p tcp -m tcp --dport 9100 -j ACCEPT
COMMIT
`
	OthersSets = `create f2b-recidive hash:ip family inet hashsize 1024 maxelem 65536 timeout 86400
create cdn hash:net family inet6 hashsize 1024 maxelem 65536
add cdn 2001:db8:cd::/48
`
	OthersFile = `# rules of the house
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
# the old monitor; ask Kim before you delete it
-A INPUT -s 192.0.2.200/32 -m comment --comment "the old monitor" -j ACCEPT
COMMIT
`
)

// ForeignRules are the lines of the live rules that others own, with counters, sorted by
// table. The policy of INPUT is left out: a profile states it. On legacy the counters of
// policies are left out too: every command of iptables sets them to zero.
func ForeignRules(t *testing.T) string {
	t.Helper()
	legacy := strings.Contains(run.Tool(t, "iptables --version"), "legacy")
	var kept []string
	for _, name := range []string{"iptables-save", "ip6tables-save"} {
		table := ""
		for line := range strings.Lines(run.Tool(t, name+" -c")) {
			if strings.HasPrefix(line, "*") {
				table = strings.TrimSpace(line)
			}
			foreign := !strings.Contains(line, "HARDENCTL-") && !strings.Contains(line, "HARDENCTL_") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ":INPUT ")
			if legacy && strings.HasPrefix(line, ":") {
				line = Counters.ReplaceAllString(line, "")
			}
			if foreign && (table == "*filter" || table == "*nat") {
				kept = append(kept, name+" "+table+" "+line)
			}
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return strings.Join(kept, "")
}

// key is the tool, the table and the chain of a line.
func key(line string) string {
	words := strings.Fields(line)
	if i := slices.Index(words, "-A"); i > 0 {
		return strings.Join(words[:2], " ") + " -A " + words[i+1]
	}
	return strings.Join(words[:min(3, len(words))], " ")
}

// Counters matches what rules and policies have counted.
var Counters = regexp.MustCompile(`\[\d+:\d+\] ?`)
