package nftables

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// inside runs a script in a throwaway namespace and returns what Read says then.
func inside(t *testing.T, script string) []Table {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	var tables []Table
	err := netns.Throwaway(func() error {
		if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		var err error
		tables, err = Read()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// What nft has made is read as it is, and in a fresh namespace there is nothing.
func TestRead(t *testing.T) {
	if tables := inside(t, "true"); len(tables) != 0 {
		t.Errorf("a fresh namespace has %+v", tables)
	}
	tables := inside(t, `
nft add table inet f2b-table
nft add chain inet f2b-table input '{ type filter hook input priority -1; policy drop; }'
nft add chain inet f2b-table own
nft add rule inet f2b-table input tcp dport 22 counter jump own
nft add rule inet f2b-table input ip saddr 192.0.2.1-192.0.2.9 accept
nft add table bridge other
nft add table ip6 empty`)
	if len(tables) != 2 || tables[0].Family != Inet || tables[0].Name != "f2b-table" || tables[1].Family != IP6 {
		t.Fatalf("read %+v", tables)
	}
	in, own := tables[0].Chain("input"), tables[0].Chain("own")
	if in == nil || !in.Base || in.Hook != Input || !in.Drops || len(in.Rules) != 2 || tables[0].Rules() != 2 {
		t.Errorf("the base chain is %+v", in)
	}
	if own == nil || own.Base || own.Drops || len(own.Rules) != 0 {
		t.Errorf("the other chain is %+v", own)
	}
	var names []string
	for _, e := range in.Rules[0] {
		names = append(names, e.Name)
	}
	if got := strings.Join(names, " "); got != "meta cmp payload cmp counter immediate" {
		t.Errorf("the rule is made of %s", got)
	}
}

// Rules of iptables are its own, whatever they say; of those of nft it is known
// of the ones that iptables-save would misprint, as of any without a counter.
func TestByNFT(t *testing.T) {
	tables := inside(t, `
iptables-nft -A OUTPUT -j ACCEPT
iptables-nft -F OUTPUT
iptables-nft -A INPUT -s 192.0.2.0/24 -p tcp --dport 1000:2000 -m conntrack --ctstate NEW -j ACCEPT
iptables-nft -A INPUT -m iprange --src-range 192.0.2.1-192.0.2.9 -j DROP
iptables-nft -A INPUT -m ttl --ttl-lt 5 -m limit --limit 5/min -j LOG --log-prefix x
iptables-nft -A INPUT -p tcp -m multiport ! --dports 1,2 -m mark ! --mark 7
iptables-nft -A INPUT -p tcp --sport 1000: --tcp-flags SYN,ACK SYN -j NFLOG --nflog-group 3
iptables-nft -A INPUT -m addrtype --dst-type BROADCAST -m pkttype --pkt-type multicast -j REJECT
nft add rule ip filter OUTPUT tcp dport 22 accept
nft add rule ip filter OUTPUT tcp dport '{ 22, 80 }' counter accept
nft add rule ip filter OUTPUT ip saddr 192.0.2.1-192.0.2.9 counter accept
nft add rule ip filter OUTPUT ip saddr '>' 192.0.2.1 counter accept
nft add rule ip filter OUTPUT iifname vmap '{ "lo" : drop }' counter`)
	if len(tables) != 1 {
		t.Fatalf("read %+v", tables)
	}
	for name, want := range map[string]bool{"INPUT": false, "OUTPUT": true} {
		c := tables[0].Chain(name)
		if c == nil || len(c.Rules) < 5 {
			t.Fatalf("%s is %+v", name, c)
		}
		for i, r := range c.Rules {
			if r.ByNFT() != want {
				t.Errorf("%s %d: %+v is of nft: %v", name, i+1, r, !want)
			}
		}
	}
}

// What a rule looks at is said by iptables with options of its own or with a
// match; this does not depend on who wrote it.
func TestNeedsMatch(t *testing.T) {
	tables := inside(t, `
for t in iptables ip6tables; do
	$t-nft -A INPUT -i lo -j ACCEPT
	$t-nft -A INPUT ! -i e+ -p tcp -j DROP
done
iptables-nft -A INPUT -s 192.0.2.0/24 ! -d 192.0.2.1 -j DROP
iptables-nft -A INPUT -s 192.0.2.7/255.0.0.255 -p icmp
iptables-nft -A INPUT -f -j DROP
ip6tables-nft -A INPUT -s 2001:db8::/32 ! -d 2001:db8::1 -p ipv6-icmp
iptables-nft -A OUTPUT -j ACCEPT
iptables-nft -F OUTPUT
nft add rule ip filter OUTPUT tcp dport 22 counter accept
nft add rule ip filter OUTPUT udp length 20 counter
nft add rule ip filter OUTPUT ip dscp 1 counter
nft add rule ip filter OUTPUT ip ttl 5 counter
nft add rule ip filter OUTPUT mark 7 counter
nft add rule ip filter OUTPUT iifname lo skuid 0 counter
ip6tables-nft -A OUTPUT -j ACCEPT
ip6tables-nft -F OUTPUT
nft add rule ip6 filter OUTPUT ip6 hoplimit 5 counter
nft add rule ip6 filter OUTPUT ip6 length 50 counter`)
	if len(tables) != 2 {
		t.Fatalf("read %+v", tables)
	}
	for _, table := range tables {
		for name, want := range map[string]bool{"INPUT": false, "OUTPUT": true} {
			c := table.Chain(name)
			if c == nil || len(c.Rules) < 2 {
				t.Fatalf("%s %s is %+v", table.Family, name, c)
			}
			for i, r := range c.Rules {
				if r.NeedsMatch(table.Family) != want {
					t.Errorf("%s %s %d: %+v needs a match: %v", table.Family, name, i+1, r, !want)
				}
			}
		}
	}
}

// A table decides if a packet on its way to this host can come to a verdict in it.
func TestDecides(t *testing.T) {
	script := "nft -f - <<'EOF'\n"
	for name, chains := range map[string]string{
		"no-empty":     "",
		"no-jumps":     "chain b { log prefix \"x\"; }; chain a { goto b; }; chain entry { counter jump a; }",
		"no-matches":   "chain entry { tcp dport { 22, 80 } ct state new limit rate 5/minute counter return; }",
		"no-unreached": "chain a { drop; }",
		"no-way-here":  "chain leaving { type filter hook output priority 0; drop; }",
		"yes-drop":     "chain entry { ip saddr 192.0.2.1 drop; }",
		"yes-accept":   "chain b { accept; }; chain a { jump b; }; chain entry { jump a; }",
		"yes-reject":   "chain entry { reject; }",
		"yes-map":      "chain entry { tcp dport vmap { 22 : drop }; }",
	} {
		script += "table inet " + name + " { chain entry { type filter hook input priority 0; }; " + chains + "; }\n"
	}
	tables := inside(t, script+"EOF")
	if len(tables) != 9 {
		t.Fatalf("read %+v", tables)
	}
	for _, table := range tables {
		if want := strings.HasPrefix(table.Name, "yes-"); table.Decides() != want {
			t.Errorf("%s decides: %v", table.Name, !want)
		}
	}
}
