package proof_test

import "testing"

const (
	block   = "-A HARDENCTL-INPUT -m set --match-set hardenctl-block-v4 src"
	ban     = "-A HARDENCTL-INPUT -m set --match-set hardenctl-ban-v4 src"
	http    = "-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 "
	db      = "-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432 "
	adminIn = "-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4"
	sshIn   = "-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 22 -m comment"
)

// table is a table with one rule of PREROUTING.
func table(name, rule string) edit {
	return put("*filter", "*"+name+"\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING "+rule+"\nCOMMIT")
}

var lockedOut = []seed{
	{name: "a blocklist before the admins", edits: edits{move(block, trusted), sets(put("add hardenctl-block-v4", "add hardenctl-block-v4 203.0.113.0/24"))}},
	{name: "bans before the admins", edits: edits{move(ban, trusted)}},
	{name: "the admin is not in the set", edits: edits{sets(cut("add hardenctl-admin-v4 203.0.113.9"))}},
	{name: "the admin is not trusted", edits: edits{sets(cut("add hardenctl-trusted-v4 203.0.113.9"))}},
	{name: "the set of admins is that of IPv6", edits: edits{swap(adminIn, `-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v6 src -j ACCEPT`)}},
	{name: "limits before the admins", edits: edits{move(sshIn, adminIn)}},
	{name: "a limit of connections for all", edits: edits{put(trusted, `-A HARDENCTL-INPUT -p tcp -m connlimit --connlimit-above 100 --connlimit-mask 0 --connlimit-saddr -j DROP`)}},
	{name: "no rule for the admins", edits: edits{cut(adminIn), cut(sshIn)}},
	{name: "another port for the admins", edits: edits{swap(adminIn, `-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 2222 -m set --match-set hardenctl-admin-v4 src -j ACCEPT`)}},
	{name: "fingerprints before the admins", edits: edits{move("-A HARDENCTL-INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport", trusted)}},
	{name: "a country before the admins", edits: edits{put(trusted, `-A HARDENCTL-INPUT -m geoip ! --src-cc DE -j DROP`)}},
	{name: "IPv6 forgotten", edits: edits{v6(cut("-A INPUT -j HARDENCTL-INPUT"))}},
	{name: "a drop in raw", edits: edits{table("raw", "-p tcp -m tcp --dport 22 -j DROP")}},
	{name: "a REDIRECT to a closed port", edits: edits{table("nat", "-p tcp -m tcp --dport 22 -j REDIRECT --to-ports 2222")}},
	{name: "an interface that drops", edits: edits{put(trusted, `-A HARDENCTL-INPUT -i eth7 -j DROP`)}},
	{name: "a TTL that drops", edits: edits{put(trusted, `-A HARDENCTL-INPUT -m ttl --ttl-lt 10 -j DROP`)}},
}

// TestAdminRefused holds that what can lock an admin out is found.
func TestAdminRefused(t *testing.T) { found(t, "admin-refused", lockedOut) }

var closed = []seed{
	{name: "a service without a rule", edits: edits{cut(http)}},
	{name: "a service without a rule in IPv6", edits: edits{v6(cut("-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 "))}},
	{name: "a chain without an end", edits: edits{cut(`-A HARDENCTL-S-SSH -m comment --comment "services.ssh" -j ACCEPT`)}},
	{name: "probes before the services", edits: edits{move(input, http)}},
	{name: "a wrong port", edits: edits{swap(db, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5433 -m set --match-set hardenctl-office-v4 src -j ACCEPT`)}},
	{name: "a wrong protocol", edits: edits{swap(`-A HARDENCTL-INPUT -p udp -m udp --dport 1194 `, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 1194 -j ACCEPT`)}},
	{name: "a wrong set", edits: edits{swap(db, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432 -m set --match-set hardenctl-admin-v4 src -j ACCEPT`)}},
	{name: "the destination instead of the source", edits: edits{swap(db, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432 -m set --match-set hardenctl-office-v4 dst -j ACCEPT`)}},
	{name: "the source port instead of the destination's", edits: edits{swap(http, `-A HARDENCTL-INPUT -p tcp -m tcp --sport 80 -j ACCEPT`)}},
	{name: "a shorter list", edits: edits{sets(swap("add hardenctl-office-v4 198.51.100.0/24", "add hardenctl-office-v4 198.51.100.0/25"))}},
	{name: "an empty list", edits: edits{sets(cut("add hardenctl-office-v6"))}},
	{name: "a blocklist that is too long", edits: edits{sets(swap("add hardenctl-block-v4", "add hardenctl-block-v4 192.0.2.0/24"))}},
	{name: "a blocklist over from", edits: edits{sets(put("add hardenctl-block-v4", "add hardenctl-block-v4 198.51.100.64/26"))}},
	{name: "a REDIRECT to a closed port", edits: edits{table("nat", "-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080")}},
	{name: "a drop in mangle", edits: edits{table("mangle", "-p udp -m udp --dport 1194 -j DROP")}},
	{name: "a drop of small packets", edits: edits{put(http, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 -m length --length 0:60 -j DROP`)}},
	{name: "a drop of a network", edits: edits{put(http, `-A HARDENCTL-INPUT -s 198.18.0.0/15 -j DROP`)}},
	{name: "a reject", edits: edits{put(http, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset`)}},
	{name: "a limit the wrong way round", edits: edits{put(http, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -m limit --limit 10/sec -j DROP`)}},
	{name: "a chain that nobody calls", edits: edits{cut("-A INPUT -j HARDENCTL-INPUT")}},
	{name: "the door has another name", edits: edits{swap("-A HARDENCTL-INPUT -p tcp -m tcp --dport 8443 ", `-A HARDENCTL-INPUT -p tcp -m tcp --dport 8443 -m set --match-set hardenctl-2-door-v4 src -j ACCEPT`)}},
	{name: "a published port", profile: gateway, edits: edits{cut("-A HARDENCTL-FORWARD -p tcp -m conntrack --ctorigdstport 8080")}},
	{name: "a protocol without a rule", profile: tunnels, edits: edits{cut("-A HARDENCTL-INPUT -p 47 ")}},
	{name: "a protocol in IPv6", profile: tunnels, edits: edits{v6(cut("-A HARDENCTL-INPUT -p 112 "))}},
	{name: "another protocol", profile: tunnels, edits: edits{swap("-A HARDENCTL-INPUT -p 112 ", "-A HARDENCTL-INPUT -p 113 -m set --match-set hardenctl-f-tunnels-v4 src -j ACCEPT")}},
	{name: "another group", profile: tunnels, edits: edits{swap("-A HARDENCTL-INPUT -d 224.0.0.5/32 -p 89 ", "-A HARDENCTL-INPUT -d 224.0.0.6/32 -p 89 -j ACCEPT")}},
	{name: "FORWARD drops", profile: gateway, edits: edits{swap(":FORWARD ACCEPT", ":FORWARD DROP [0:0]")}},
}

// TestUnreachableService holds that services are found that their clients do not reach.
func TestUnreachableService(t *testing.T) { found(t, "unreachable-service", closed) }

var deaf = []seed{
	{name: "a knock is not heard", edits: edits{cut("-A HARDENCTL-K-DOOR -p udp -m udp --dport 8202 -m set --match-set hardenctl-1-door-v4")}},
	{name: "a knock at another port", edits: edits{swap("-A HARDENCTL-K-DOOR -p tcp -m tcp --dport 7101 ", `-A HARDENCTL-K-DOOR -p tcp -m tcp --dport 7102 -j HARDENCTL-1-DOOR`)}},
	{name: "the last knock opens nothing", edits: edits{cut("-A HARDENCTL-3-DOOR -m comment --comment \"knocks.door: open\"")}},
	{name: "each knock starts anew", edits: edits{move("-A HARDENCTL-K-DOOR -m set --match-set hardenctl-1-door-v4", "-A HARDENCTL-K-DOOR")}},
	{name: "probes before knocks", edits: edits{move(input, "-A HARDENCTL-INPUT -p tcp -m comment --comment \"knocks.door\"")}},
	{name: "no datagram is a knock", edits: edits{cut("-A HARDENCTL-INPUT -p udp -m comment --comment \"knocks.door\"")}},
	{name: "the door is not asked for", edits: edits{cut("-A HARDENCTL-INPUT -p tcp -m tcp --dport 8443 ")}},
}

// TestKnockOpensNothing holds that sequences are found that cannot be completed.
func TestKnockOpensNothing(t *testing.T) { found(t, "knock-opens-nothing", deaf) }

var letIn = []seed{
	{name: "no rule for the blocked", edits: edits{cut(block)}},
	{name: "services before the blocklist", edits: edits{move(block, ban)}},
	{name: "a list that lacks some", edits: edits{sets(swap("add hardenctl-block-v4", "add hardenctl-block-v4 192.0.2.192/26"))}},
	{name: "a ping of a blocked source", edits: edits{cut("-A HARDENCTL-ECHO -m set --match-set hardenctl-block-v4")}},
	{name: "an answer", edits: edits{put(block, "-A HARDENCTL-INPUT -m set --match-set hardenctl-block-v4 src -j REJECT --reject-with icmp-port-unreachable")}},
	{name: "IPv6", edits: edits{v6(cut("-A HARDENCTL-INPUT -m set --match-set hardenctl-block-v6 src"))}},
	{name: "the destination", edits: edits{swap(block, "-A HARDENCTL-INPUT -m set --match-set hardenctl-block-v4 dst -j DROP")}},
	{name: "one service before it", edits: edits{put(block, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j ACCEPT`)}},
}

// TestBlockedServed holds that a blocked source is found that gets something.
func TestBlockedServed(t *testing.T) { found(t, "blocked-served", letIn) }

var limited = []seed{
	{name: "a limit for exempt sources", edits: edits{swap("-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 80 ", `-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 80 -j HARDENCTL-S-HTTP`)}},
	{name: "bans before the exempt", edits: edits{move(ban, trusted)}},
	{name: "exempt sources lack a service", edits: edits{cut("-A HARDENCTL-TRUSTED -p udp -m udp --dport 1194 ")}},
	{name: "a ping of an exempt source is limited", edits: edits{cut("-A HARDENCTL-ECHO -m set --match-set hardenctl-trusted-v4")}},
	{name: "an exempt source is missing", edits: edits{sets(cut("add hardenctl-trusted-v4 203.0.113.64/28"))}},
}

// TestExemptRefused holds that limits and bans of exempt sources are found.
func TestExemptRefused(t *testing.T) { found(t, "exempt-refused", limited) }

var counted = []seed{
	{name: "their probes count", edits: edits{swap(`-A HARDENCTL-TRUSTED -m comment --comment "access: not for them"`, "-A HARDENCTL-TRUSTED -j HARDENCTL-PROBE")}},
	{name: "they are banned", edits: edits{put(trusted, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 23 -j SET --add-set hardenctl-ban-v4 src --exist`)}},
	{name: "their connections count", edits: edits{put("-A HARDENCTL-TRUSTED", `-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 443 -j SET --add-set hardenctl-callers-v4 src --exist`)}},
	{name: "in IPv6", edits: edits{v6(put("-A HARDENCTL-TRUSTED", `-A HARDENCTL-TRUSTED -p udp -j SET --add-set hardenctl-scan-v6 src --exist`))}},
	{name: "before they are told apart", edits: edits{move("-A HARDENCTL-INPUT -p tcp -m comment --comment \"scan: stealth\"", trusted)}},
}

// TestExemptCounted holds that counting of exempt sources is found.
func TestExemptCounted(t *testing.T) { found(t, "exempt-counted", counted) }

var dead = []seed{
	{name: "behind the same", edits: edits{put("-A HARDENCTL-INPUT -p udp -m udp --dport 443 ", http+"-j DROP")}},
	{name: "behind a wider port", edits: edits{put(http, "-A HARDENCTL-INPUT -p tcp -m multiport --dports 80,81,82 -j DROP\n-A HARDENCTL-INPUT -p tcp -m tcp --dport 81 -j ACCEPT")}},
	{name: "behind a wider network", edits: edits{put(http, "-A HARDENCTL-INPUT -s 198.18.0.0/15 -j DROP\n-A HARDENCTL-INPUT -s 198.19.7.0/24 -j ACCEPT")}},
	{name: "behind a drop of all", edits: edits{put(http, "-A HARDENCTL-INPUT -j DROP")}},
	{name: "behind the loopback", edits: edits{put(trusted, "-A HARDENCTL-INPUT -i lo -p tcp -j ACCEPT")}},
	{name: "a state that was dropped", edits: edits{put(http, "-A HARDENCTL-INPUT -m conntrack --ctstate INVALID -p tcp -j ACCEPT")}},
	{name: "in a chain that has ended", edits: edits{put("-A HARDENCTL-ECHO -m comment", "-A HARDENCTL-ECHO -j DROP\n-A HARDENCTL-ECHO -j ACCEPT")}},
	{name: "another protocol in a chain", edits: edits{put("-A HARDENCTL-S-VPN", "-A HARDENCTL-S-VPN -p tcp -j DROP")}},
	{name: "a chain to which nothing leads", edits: edits{put(":HARDENCTL-BAN ", ":HARDENCTL-ALONE - [0:0]"), put("-A HARDENCTL-BAN ", "-A HARDENCTL-ALONE -p tcp -j DROP")}},
	{name: "two states at once", edits: edits{put(http, "-A HARDENCTL-INPUT -m conntrack --ctstate NEW -m conntrack --ctstate INVALID -j DROP")}},
	{name: "flags that were returned", edits: edits{put("-A HARDENCTL-STEALTH -m comment", "-A HARDENCTL-STEALTH -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN -j ACCEPT")}},
	{name: "in IPv6", edits: edits{v6(put("-A HARDENCTL-INPUT -p udp -m udp --dport 443 ", http+"-j DROP"))}},
	{name: "in FORWARD", profile: gateway, edits: edits{put("-A HARDENCTL-FORWARD -m set --match-set hardenctl-block-v4", "-A HARDENCTL-FORWARD -i docker0 -p tcp -j DROP")}},
	{name: "in OUTPUT", edits: edits{put("-A HARDENCTL-OUTPUT -p icmp -m icmp --icmp-type 11/1", "-A HARDENCTL-OUTPUT -p icmp -m icmp --icmp-type 12 -j ACCEPT")}},
	{name: "behind a REDIRECT", edits: edits{table("nat", "-p tcp -m tcp --dport 81 -j REDIRECT --to-ports 80\n-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 443")}},
}

// TestDeadRule holds that rules are found that no packet meets.
func TestDeadRule(t *testing.T) { found(t, "dead-rule", dead) }

const openTCP = "-A HARDENCTL-INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED"

var cutOff = []seed{
	{name: "no rule for open connections", edits: edits{cut(openTCP)}},
	{name: "only those with an ACK", edits: edits{swap(openTCP, "-A HARDENCTL-INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m conntrack --ctstate ESTABLISHED -j ACCEPT")}},
	{name: "answers to UDP", edits: edits{v6(cut("-A HARDENCTL-INPUT ! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED"))}},
	{name: "a port before them", edits: edits{put(openTCP, "-A HARDENCTL-INPUT -p tcp -m tcp --dport 25 -j DROP")}},
}

// TestOpenConnectionRefused holds that rules are found that end open connections.
func TestOpenConnectionRefused(t *testing.T) { found(t, "open-connection-refused", cutOff) }

// TestHundredMistakes holds how many there are.
func TestHundredMistakes(t *testing.T) {
	all := 0
	for _, seeds := range [][]seed{strays, lockedOut, closed, deaf, letIn, limited, counted, dead, cutOff} {
		all += len(seeds)
	}
	if all < 100 {
		t.Errorf("only %d", all)
	}
}
