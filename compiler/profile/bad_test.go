package profile

import (
	"fmt"
	"strings"
	"testing"
)

// TestDiagnostics shows, for what can be wrong in one file, the whole list of
// diagnostics. A text without a version gets one in a line before it: its own
// first line is line 2.
func TestDiagnostics(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", "[services.ssh]\nports = [\"tcp/22\"]\nadmn = true", "a.toml:4:1: services.ssh.admn: unknown key"},
		{"unknown table", "[service.ssh]\nports = [\"tcp/22\"]", "a.toml:2:2: service: unknown table"},
		{"another case", "[Policy]", "a.toml:2:2: Policy: unknown table"},
		{"later table", "[expect.x]", "a.toml:2:2: expect: unknown table"},
		{"no percentages", "[sets.a]\naddresses = [\"192.0.2.1\"]\nmaximum_shrink = \"100%\"\n[sets.b]\naddresses = [\"192.0.2.1\"]\nmaximum_shrink = \"50\"\n[sets.c]\naddresses = [\"192.0.2.1\"]\nmaximum_shrink = 50",
			`a.toml:4:18: sets.a.maximum_shrink: "100%" is not a percentage from 1% to 99%
a.toml:7:18: sets.b.maximum_shrink: "50" is not a percentage from 1% to 99%
a.toml:10:18: sets.c.maximum_shrink: must be a percentage such as "50%", not the number 50`},
		{"wrong types", "[policy]\nipv6 = \"true\"\ndhcp = 1\ninput = [\"drop\"]\nforward = \"publish\"",
			`a.toml:3:8: policy.ipv6: must be true or false, not the text "true"
a.toml:4:8: policy.dhcp: must be true or false, not the number 1
a.toml:5:9: policy.input: must be one of "drop", "reject", not a list
a.toml:6:11: policy.forward: "publish" is not one of "leave", "drop", "published"`},
		{"network interfaces", "[nics]\neth1 = {}\n\"eth0.100\" = { gro = 1, lor = true, queues = 0 }\n\"a b\" = { gro = true }\n\"br-+\" = { gro = true }\nsixteen-letters- = { gro = true }\n\"../x\" = { gro = true }",
			`a.toml:3:8: warning: nics.eth1: states none of gro, gso, tso, lro and queues
a.toml:4:22: nics."eth0.100".gro: must be true or false, not the number 1
a.toml:4:25: nics."eth0.100".lor: unknown key
a.toml:4:46: nics."eth0.100".queues: 0 is not from 1 to 1024
a.toml:5:1: nics."a b": "a b" is not the name of an interface
a.toml:6:1: nics."br-+": "br-+" is not the name of an interface
a.toml:7:1: nics.sixteen-letters-: "sixteen-letters-" is not the name of an interface
a.toml:8:1: nics."../x": "../x" is not the name of an interface`},
		{"inside of nothing", "[policy]\ninside = [\"lan0\"]", `a.toml:3:10: warning: policy.inside: does nothing, since policy.forward is not "published"`},
		{"interfaces", "[policy]\nforward = \"published\"\ninside = [\"eth0.100\", \"br-+\", \"+\", \"-i\", \"sixteen-letters-\", \"a b\", \"\", \"eth0.100\"]",
			`a.toml:4:31: policy.inside: "+" is not the name of an interface
a.toml:4:36: policy.inside: "-i" is not the name of an interface
a.toml:4:42: policy.inside: "sixteen-letters-" is not the name of an interface
a.toml:4:62: policy.inside: "a b" is not the name of an interface
a.toml:4:69: policy.inside: "" is not the name of an interface
a.toml:4:73: warning: policy.inside: "eth0.100" is listed twice`},
		{"chains of others", "[policy]\nbefore = [\"f2b-*\", \"*\", \"\", \"HARDENCTL-INPUT\", \"HARDENCTL*\", \"INPUT\", \"DROP\", \"a b\", \"f*b\", \"-j\", \"twenty-nine-letters-is-too-much\", \"f2b-*\"]",
			`a.toml:3:20: policy.before: "*" would be every chain
a.toml:3:25: policy.before: "" is not the name of a chain
a.toml:3:29: policy.before: "HARDENCTL-INPUT" is a chain of hardenctl's own
a.toml:3:48: policy.before: "HARDENCTL*" is a chain of hardenctl's own
a.toml:3:62: policy.before: "INPUT" is not a chain to which another program jumps
a.toml:3:71: policy.before: "DROP" is not a chain to which another program jumps
a.toml:3:79: policy.before: "a b" is not the name of a chain
a.toml:3:86: policy.before: "f*b" is not the name of a chain
a.toml:3:93: policy.before: "-j" is not the name of a chain
a.toml:3:99: policy.before: "twenty-nine-letters-is-too-much" is not the name of a chain
a.toml:3:134: warning: policy.before: "f2b-*" is listed twice`},
		{"a chain of others alone", "[policy]\nbefore = \"f2b-*\"", `a.toml:3:10: policy.before: must be a list of chains such as ["f2b-*"], not the text "f2b-*"`},
		{"scalar for a table", "services = 3\nscan = []", `a.toml:2:12: services: must be a table of named tables, not the number 3
a.toml:3:8: scan: must be a table, not a list`},
		{"array of tables", "[[sets]]\na = 1", "a.toml:2:3: sets: must be a table of named tables, not a list of tables"},
		{"ports", `services.a.ports = ["tcp/70000", "443", "https", "tcp/9-8", "xstp/1", 80, "tcp/080", "tcp/0"]`,
			`a.toml:2:21: services.a.ports: "tcp/70000" is not a port (1-65535)
a.toml:2:34: services.a.ports: "443" has no protocol
a.toml:2:41: services.a.ports: "https" is not a port
a.toml:2:50: services.a.ports: "tcp/9-8" ends before it begins
a.toml:2:61: services.a.ports: "xstp/1" is not a port: the protocol is tcp, udp, sctp, dccp or udplite
a.toml:2:71: services.a.ports: must be text, not the number 80
a.toml:2:75: services.a.ports: "tcp/080" is not a port (1-65535)
a.toml:2:86: services.a.ports: "tcp/0" is not a port (1-65535)`},
		{"no ports", "[services.a]\n[services.b]\nports = []", `a.toml:2:2: services.a: states neither ports nor protocols
a.toml:4:9: services.b.ports: is empty, so that the service has no ports`},
		{"protocols", `services.a.protocols = ["tcp", "VRRP", "vrpp", 300, 43, "vrrp", 112, true, "icmp", 97]`,
			`a.toml:2:25: services.a.protocols: "tcp" is not a protocol that a service can have
a.toml:2:32: services.a.protocols: "VRRP" is not a protocol that a service can have
a.toml:2:40: services.a.protocols: "vrpp" is not a protocol that a service can have
a.toml:2:48: services.a.protocols: "300" is not a protocol that a service can have
a.toml:2:53: services.a.protocols: "43" is not a protocol that a service can have
a.toml:2:65: warning: services.a.protocols: vrrp is listed twice
a.toml:2:70: services.a.protocols: must be the name or the number of a protocol, not true
a.toml:2:76: services.a.protocols: "icmp" is not a protocol that a service can have`},
		{"groups", `services.a = { ports = ["udp/5353"], groups = ["mdns", "192.0.2.255", "ff02::fb%eth0", "mdsn", "broadcast"] }`,
			`a.toml:2:56: services.a.groups: "192.0.2.255" is not a multicast address
a.toml:2:71: services.a.groups: "ff02::fb%eth0" is not a multicast address
a.toml:2:88: services.a.groups: "mdsn" is not a multicast address`},
		{"no groups", `services.a = { ports = ["udp/5353"], groups = [] }`, "a.toml:2:47: services.a.groups: is empty, so that it says nothing"},
		{"zones", `zones = { a = {}, b.interfaces = [], c.interfaces = ["lo", "wg 0", "eth0!", "eth0/1", "sixteen-letters-", "+", "wg+"], vpn.interfaces = ["tun0"] }
services.a = { ports = ["udp/53"], zones = ["c", "wg7", "vnp", "b"] }
services.b = { ports = ["udp/53"], zones = [] }
services.c = { ports = ["udp/53"], zones = "vpn" }`,
			`a.toml:2:11: zones.a: states no interfaces
a.toml:2:34: zones.b.interfaces: is empty: no packet could come from this zone
a.toml:2:54: zones.c.interfaces: "lo" is the interface by which this host talks to itself
a.toml:2:60: zones.c.interfaces: "wg 0" is not the name of an interface
a.toml:2:68: zones.c.interfaces: "eth0!" is not the name of an interface
a.toml:2:77: zones.c.interfaces: "eth0/1" is not the name of an interface
a.toml:2:87: zones.c.interfaces: "sixteen-letters-" is not the name of an interface
a.toml:2:107: zones.c.interfaces: "+" is not the name of an interface
a.toml:3:50: services.a.zones: there is no zone "wg7"
a.toml:3:57: services.a.zones: there is no zone "vnp"
a.toml:4:44: services.b.zones: is empty: by no interface could a source connect
a.toml:5:44: services.c.zones: must be a list of zones such as ["vpn"], not the text "vpn"`},
		{"trust", `zones.a = { interfaces = ["wg0"], trust = "al" }
zones.b = { interfaces = ["wg1"], trust = "@office" }
zones.c = { interfaces = ["wg2"], trust = ["@office", "10.8.0.1/24", "0.0.0.0/0"] }
zones.d = { interfaces = ["wg3"], trust = true }
zones.e = { interfaces = ["wg4"], trust = "10.8.0.0/24" }
zones.f = { interfaces = ["wg5"], trust = ["::/1", "8000::/1"] }`,
			`a.toml:2:43: zones.a.trust: "al" is neither "all" nor a list
a.toml:3:43: zones.b.trust: "@office" is neither "all" nor a list
a.toml:4:44: zones.c.trust: there is no set "office"
a.toml:4:55: zones.c.trust: "10.8.0.1/24" has address bits beyond its length of 24
a.toml:4:70: zones.c.trust: "0.0.0.0/0" is everyone
a.toml:5:43: zones.d.trust: must be a list such as ["@office", "192.0.2.7"], not true
a.toml:6:43: zones.e.trust: "10.8.0.0/24" is neither "all" nor a list
a.toml:7:43: zones.f.trust: the addresses of this list cover everyone together`},
		{"zone of a set", `zones.vpn.interfaces = ["wg0"]
sets.a = { addresses = ["10.8.0.0/24"], zone = "vnp" }
sets.b = { addresses = ["10.8.0.0/24"], zone = ["vpn"] }`,
			`a.toml:3:48: sets.a.zone: there is no zone "vnp"
a.toml:4:48: sets.b.zone: must be the name of a zone, not a list`},
		{"a tripwire of SCTP", `scan = { probes = 3, tripwires = ["sctp/7"] }`, `a.toml:2:35: scan.tripwires: "sctp/7" cannot be here: the protocol is tcp or udp`},
		{"same port twice", `services.a.ports = ["tcp/80", "tcp/80-80", "tcp/80"]`,
			`a.toml:2:31: warning: services.a.ports: "tcp/80-80" is listed twice
a.toml:2:44: warning: services.a.ports: "tcp/80" is listed twice`},
		{"limits", "[udp]\nnew_per_source = \"5/fortnight\"\npackets_per_source = \"10 in 60s\"\n[icmp]\necho_per_source = \"0/s\"",
			`a.toml:3:18: udp.new_per_source: "5/fortnight" is not a limit
a.toml:4:22: udp.packets_per_source: "10 in 60s" is not a limit
a.toml:6:19: icmp.echo_per_source: "0/s": the count must be from 1 to 10000`},
		{"quota", "[udp]\nnew_per_source = \"256 in 60s\"", `a.toml:3:18: udp.new_per_source: "256 in 60s": the count must be from 1 to 255`},
		{"durations", "[scan]\nprobes = 1\nwindow = \"60\"\nban = \"25d\"", `a.toml:4:10: scan.window: "60" is not a duration
a.toml:5:7: scan.ban: "25d" is not from 1s to 24d`},
		{"recent counts to 254", "[scan]\nprobes = 255\nengine = \"recent\"", `a.toml:3:10: scan.probes: 255 is more than the engine "recent" can count, 254`},
		{"recent counts slow probes to 254", "[scan]\nprobes = 2\nengine = \"recent\"\nslow = { probes = 255, window = \"1h\" }",
			`a.toml:5:19: scan.slow.probes: 255 is more than the engine "recent" can count, 254`},
		{"a slow window", "[scan]\nprobes = 2\nwindow = \"1h\"\nslow = { probes = 3, window = \"1h\" }",
			`a.toml:5:31: warning: scan.slow.window: does nothing, since 1h is not longer than scan.window, 1h`},
		{"a slow window without numbers", "[scan]\nprobes = 2\nslow = {}",
			`a.toml:4:1: scan.slow: states no probes
a.toml:4:1: scan.slow: states no window`},
		{"slower than the kernel", "[scan]\nprobes = 2\nslow = { probes = 6, window = \"7d\" }",
			`a.toml:4:31: scan.slow.window: "7d" is not from 1s to 1d`},
		{"a shorter ban for repeaters", "[scan]\nprobes = 2\nban = \"2h\"\nban_repeat = \"1h\"",
			`a.toml:5:14: warning: scan.ban_repeat: does nothing, since 1h is shorter than a first ban, 2h`},
		{"tripwires", "[scan]\nprobes = 2\ntripwires = [\"23\"]", `a.toml:4:14: scan.tripwires: "23" has no protocol`},
		{"what bans need probes for", "scan = { tripwires = [\"tcp/23\"], proven = \"1d\" }",
			`a.toml:2:22: warning: scan.tripwires: does nothing, since scan.probes is not stated
a.toml:2:43: warning: scan.proven: does nothing, since scan.probes is not stated`},
		{"scan without probes", "[scan]\nban = \"1h\"", `a.toml:3:7: warning: scan.ban: does nothing, since scan.probes is not stated`},
		{"names", "[sets.Office]\n[sets.forty-letters-are-too-many-for-a-set-name]\n[services.\"a b\"]",
			`a.toml:2:2: sets.Office: "Office" is not a name for a set
a.toml:3:2: sets.forty-letters-are-too-many-for-a-set-name: "forty-letters-are-too-many-for-a-set-name" is not a name for a set
a.toml:4:2: services."a b": "a b" is not a name for a service`},
		{"knocks", "[knocks.a]\n[knocks.b]\nsequence = [\"tcp/1\"]\nstep = \"2h\"\n[knocks.c]\nsequence = [\"tcp/1\", \"tcp/1\", 5, \"tcp/7-9\", \"8\", \"tcp/1\"]\nopen = \"0s\"\nwait = \"1s\"",
			`a.toml:2:2: knocks.a: states no sequence
a.toml:4:12: knocks.b.sequence: has a length of 1, which is not from 2 to 8
a.toml:5:8: knocks.b.step: "2h" is not from 1s to 1h
a.toml:7:22: knocks.c.sequence: "tcp/1" is listed twice in a row
a.toml:7:31: knocks.c.sequence: must be text, not the number 5
a.toml:7:34: knocks.c.sequence: "tcp/7-9" is a range, and a knock is one port
a.toml:7:45: knocks.c.sequence: "8" has no protocol
a.toml:7:50: knocks.c.sequence: "tcp/1" is listed twice in a row
a.toml:8:8: knocks.c.open: "0s" is not from 1s to 1d
a.toml:9:1: knocks.c.wait: unknown key`},
		{"too many knocks", `knocks.a.sequence = ["tcp/1", "tcp/2", "tcp/3", "tcp/4", "tcp/5", "tcp/6", "tcp/7", "tcp/8", "tcp/9"]`,
			"a.toml:2:21: knocks.a.sequence: has a length of 9, which is not from 2 to 8"},
		{"too many doors", "[knocks]\n" + manyDoors(17), "a.toml:2:2: knocks: has more than 16 entries"},
		{"unknown knock", "[services.a]\nports = [\"tcp/1\"]\nknock = \"frnt-door\"\n[services.b]\nports = [\"tcp/2\"]\nknock = \"x\"\n[knocks.front-door]\nsequence = [\"tcp/7\", \"udp/7\"]",
			`a.toml:4:9: services.a.knock: there is no knock "frnt-door"
a.toml:7:9: services.b.knock: there is no knock "x"`},
		{"a broken knock is not unknown", "[services.a]\nports = [\"tcp/1\"]\nknock = \"x\"\n[knocks.x\nsequence = 1", "a.toml:5:9: knocks.x: expected '.' or ']' to end table name, but the line ends"},
		{"addresses", `sets.a.addresses = ["010.1.1.1", "example.com", "1.2", "10.1.2.3/8", "@b", 7]`,
			`a.toml:2:21: sets.a.addresses: "010.1.1.1"
a.toml:2:34: sets.a.addresses: "example.com" is a host name
a.toml:2:49: sets.a.addresses: "1.2"
a.toml:2:56: sets.a.addresses: "10.1.2.3/8"
a.toml:2:70: sets.a.addresses: "@b": a set holds addresses, not other sets
a.toml:2:76: sets.a.addresses: must be text, not the number 7`},
		{"everyone", "[access]\nblock = [\"0.0.0.0/0\"]\nadmin = [\"0.0.0.0/1\", \"128.0.0.0/1\"]\n[sets.a]\naddresses = [\"::/0\"]",
			`a.toml:3:10: access.block: "0.0.0.0/0" is everyone
a.toml:4:9: access.admin: the addresses of this list cover everyone together
a.toml:5:2: sets.a: the set covers every IPv6 address`},
		{"sets", "[sets.a]\n[sets.b]\naddresses = []\n[sets.c]\naddresses = [\"192.0.2.1\"]\nmin_entries = 2",
			`a.toml:2:2: sets.a: states neither addresses nor files
a.toml:3:2: sets.b: holds no address
a.toml:7:15: sets.c: the set has 1 entries, and min_entries is 2`},
		{"unknown set", "[access]\nadmin = [\"@ofice\", \"@x\"]\n[sets.office]\naddresses = [\"192.0.2.1\"]",
			`a.toml:3:10: access.admin: there is no set "ofice"
a.toml:3:20: access.admin: there is no set "x"`},
		{"lists", `sets.a.files = ["none.txt", "../x.txt", "/etc/passwd", "builtin:none", "a\nb", "empty.txt", "sub", "bad.txt"]`,
			`a.toml:2:17: sets.a.files: there is no list "none.txt"
a.toml:2:29: sets.a.files: "../x.txt" lies outside the profile's folder
a.toml:2:41: sets.a.files: "/etc/passwd" lies outside the profile's folder
a.toml:2:56: sets.a.files: there is no list "builtin:none"
a.toml:2:72: sets.a.files: "a\nb" is not the name of a file
a.toml:2:80: sets.a.files: list "empty.txt" holds no address
a.toml:2:93: sets.a.files: list "sub" is not a regular file
bad.txt:2:1: "example.com"`},
		{"text", "description = \"a\\nb\"\n[log]\nprefix = \"say \\\"x\\\": \"\nrate = \"10 in 60s\"",
			`a.toml:2:15: description: "a\nb" is not printable ASCII
a.toml:4:10: log.prefix: "say \"x\": " holds a quote or a backslash
a.toml:5:8: log.rate: "10 in 60s" is not a limit`},
		{"long prefix", "[log]\nprefix = \"" + strings.Repeat("x", 22) + "\"", `a.toml:3:10: log.prefix: "` + strings.Repeat("x", 22) + `" is longer than 21 bytes`},
		{"fail2ban", "[fail2ban]\nretries = 0\nwindow = \"0s\"\nban = \"forever\"\nscope = \"all\"\nfindtime = \"10m\"",
			`a.toml:3:11: fail2ban.retries: 0 is not from 1 to 1000
a.toml:4:10: fail2ban.window: "0s" is not from 1s to 24d
a.toml:5:7: fail2ban.ban: "forever" is not a duration
a.toml:6:9: fail2ban.scope: "all" is not one of "everything", "hidden"
a.toml:7:1: fail2ban.findtime: unknown key`},
		{"kernel", "[kernel]\nsyncookies = 1\ndefault_ttl = 256\nrp_filter = \"lose\"\nconntrack_max = 2.5\ntcp_loose = true\nconntrack_time_wait = \"11m\"\nconntrack_udp_stream = 60",
			`a.toml:3:14: kernel.syncookies: must be true or false, not the number 1
a.toml:4:15: kernel.default_ttl: 256 is not from 1 to 255
a.toml:5:13: kernel.rp_filter: "lose" is not one of "off", "strict", "loose"
a.toml:6:17: kernel.conntrack_max: must be a whole number, not the number 2.5
a.toml:7:1: kernel.tcp_loose: unknown key
a.toml:8:23: kernel.conntrack_time_wait: "11m" is not from 1s to 10m
a.toml:9:24: kernel.conntrack_udp_stream: must be a duration`},
		{"version", "version = 2", "a.toml:1:11: version: must be 1, not the number 2"},
		{"stated twice", "[policy]\nipv6 = true\nipv6 = false\n[policy]\ndhcp = true", `a.toml:4:1: policy.ipv6: is already stated in line 3, column 1
a.toml:5:2: policy: is already stated in line 2, column 2`},
		{"syntax errors", "[policy]\nipv6 = yes\ninput = \"drop\n[services.a\nports = 1\n[log]\nrate = \"5/minute\"\nprefix = [\n\"a\" \"b\"\n]\n[icmp]\necho = 1",
			`a.toml:3:8: policy.ipv6: expected value but found "yes" instead
a.toml:4:13: policy.input: the text has no closing quote on its line
a.toml:5:11: services.a: expected '.' or ']' to end table name, but the line ends
a.toml:10:5: log.prefix: expected a comma or ], but got '"'
a.toml:13:1: icmp.echo: unknown key`},
		{"no cascade", "[sets.office\naddresses = 1\n[access]\nadmin = [\"@office\"]\n[services.a]\nports = [\n", `a.toml:2:12: sets.office: expected '.' or ']' to end table name, but the line ends
a.toml:7:9: services.a.ports: ends too early; expected value`},
		{"encoding", "# caf\xe9\n[policy]\nipv6 = \"\x00\"\ndhcp = maybe\r", `a.toml:2:6: byte 0xe9 is not valid UTF-8
a.toml:4:9: a NUL byte is not text
a.toml:5:13: control character 0x0d is not allowed`},
		{"deleted", "# \x7f", "a.toml:2:3: control character 0x7f is not allowed"},
		{"inline table stated again", "scan = {probes = 1}\nscan.ban = \"1h\"\n[scan]", `a.toml:3:1: scan: is already stated in line 2, column 1
a.toml:4:2: scan: is already stated in line 2, column 1`},
		{"many lists", "sets.a.files = [\"0\"" + manyNames(64) + "]", "a.toml:2:16: sets.a.files: names more than 64 files"},
		{"deep", "a = " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n" + strings.Repeat("k.", 40) + "k = 1", `a.toml:2:1: nests deeper than 32 levels
a.toml:3:1: nests deeper than 32 levels`},
		{"long key", strings.Repeat("k", 200) + " = 1", "a.toml:2:1: a part of the key is longer than 128 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := test.text
			if !strings.Contains(text, "version") {
				text = "version = 1\n" + text
			}
			check(t, map[string]string{
				"a.toml": text, "empty.txt": "# nothing\n", "sub/x.txt": "", "bad.txt": "192.0.2.1\nexample.com\n",
			}, test.want)
		})
	}
}

// TestNamedTables holds that what is in the place of a named table is refused with
// what to write instead, for each kind of table.
func TestNamedTables(t *testing.T) {
	for _, kind := range []struct{ name, key, entry string }{
		{"services", "ports", "ssh"}, {"sets", "addresses", "office"}, {"knocks", "sequence", "door"}, {"nics", "gro", "eth0"},
	} {
		K, k, e := kind.name, kind.key, kind.entry
		if K == "nics" {
			k = ""
		}
		values := fmt.Sprintf("write [%s.%s], and %s = [...] in the line below", K, e, k)
		if k == "" {
			values = fmt.Sprintf("write [%s.%s], and its keys in the lines below", K, e)
		}
		header := fmt.Sprintf("write [%s.%s]", K, e)
		for text, want := range map[string][2]string{
			"[K]\nenabled = false":      {"a.toml:3:11: K.enabled: must be a table, not false", "name the table to switch off: [" + K + ".NAME], and enabled = false in the line below"},
			"[K]\nenabled = true":       {"a.toml:3:11: K.enabled: must be a table, not true", "take this line out: each table that is stated counts"},
			"K.E = false":               {"a.toml:2:%: K.E: must be a table, not false", fmt.Sprintf("write %s.%s.enabled = false", K, e)},
			"K.E = [\"x\"]":             {"a.toml:2:%: K.E: must be a table, not a list", values},
			"K.E = \"x\"":               {"a.toml:2:%: K.E: must be a table, not the text \"x\"", values},
			"K.add = [\"E\"]":           {"a.toml:2:%: K.add: must be a table, not a list", "a table needs no add: state it as [" + K + ".NAME]"},
			"[[K.E]]\nx = 1":            {"a.toml:2:3: K.E: must be a table, not a list of tables", header + ", in one pair of brackets"},
			"K.remove = [\"E\"]":        {"a.toml:2:%: K.remove: there is no \"E\" to remove: no included profile states it", ""},
			"[K.E\nenabled = false":     {"a.toml:2:%: K.E: expected '.' or ']' to end table name, but the line ends", header},
			"[K.E # x\nenabled = false": {"a.toml:2:%: K.E: expected '.' or ']' to end table name, but got '#' instead", header},
			"[K.E]]\nx = 1":             {"a.toml:2:%: K.E: expected the end of the line, but got ']' instead", header},
			"[[K.E]\nx = 1":             {"a.toml:2:%: ", header},
			"K.E]\nx = 1":               {"a.toml:2:%: K.E: expected '.' or '=', but got ']' instead", header},
		} {
			put := strings.NewReplacer("K", K, "E", e).Replace
			_, diags := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\n" + put(text)}))
			begin, end, _ := strings.Cut(put(want[0]), "%")
			if len(diags) != 1 || !strings.HasPrefix(diags[0].String(), begin) || !strings.Contains(diags[0].String(), end) || diags[0].Suggestion != want[1] {
				t.Errorf("%s\ngot\n%v\nwant\n%s\nwith %s", put(text), diags, put(want[0]), want[1])
				for _, d := range diags {
					t.Log(d.Suggestion)
				}
			}
		}
	}
}

// TestTableHelp is the same for tables that have no name of the user's.
func TestTableHelp(t *testing.T) {
	for text, want := range map[string]string{
		"scan = false":             "write scan.enabled = false",
		"[[scan]]\nprobes = 1":     "write [scan], in one pair of brackets",
		"log = \"x: \"":            "write [log], and its keys in the lines below",
		"services = [\"ssh\"]":     "write [services.NAME] with a name of your own, and the keys of that table in the lines below",
		"[[sets]]\na = 1":          "write [sets.NAME] with a name of your own, and the keys of that table in the lines below",
		"nics = true":              "write [nics.NAME] with the name of an interface, as ip link shows it, and the keys of that table in the lines below",
		"[access\nadmin = [\"x\"]": "write [access]",
	} {
		_, diags := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\n" + text}))
		if len(diags) != 1 || diags[0].Suggestion != want {
			t.Errorf("%s: got %v, want the help %q", text, diags, want)
		}
	}
}

func manyDoors(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "d%d = {sequence = [\"tcp/%d\", \"udp/%d\"]}\n", i, i+1, i+1)
	}
	return b.String()
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", \"%d.txt\"", i)
	}
	return b.String()
}

// check compares the diagnostics for a.toml, line by line. A wanted line may
// be the beginning of the real one, or for what netset words, its place.
func check(t *testing.T, texts map[string]string, want string) {
	t.Helper()
	profile, diags := Read("a.toml", folders(texts))
	if diags.HasErrors() != (profile == nil) {
		t.Errorf("profile %v with diagnostics %v", profile, diags)
	}
	lines := strings.Split(want, "\n")
	for i, d := range diags {
		if i >= len(lines) || !strings.HasPrefix(d.String(), lines[i]) {
			t.Errorf("diagnostic %d: got %s", i, d)
		}
	}
	if len(diags) != len(lines) {
		t.Errorf("got %d diagnostics, want %d", len(diags), len(lines))
	}
}
