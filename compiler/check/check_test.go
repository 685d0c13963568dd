package check_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/check"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// findings returns what is wrong with a profile that reads well, one a line.
func findings(t *testing.T, text string) string {
	t.Helper()
	root := fstest.MapFS{"a.toml": {Data: []byte("version = 1\n" + text)}, "half.txt": {Data: []byte("128.0.0.0/1\n")}}
	p, list := profile.Read("a.toml", profile.Folders{Root: root})
	if p == nil {
		t.Fatalf("the profile of this test is wrong: %v", list)
	}
	var lines []string
	for _, d := range check.Profile(p) {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// knocked is a profile whose only door for administrators opens to a knock.
const knocked = `services.ssh = { ports = ["tcp/22"], admin = true, knock = "door" }
knocks.door.sequence = ["tcp/7101", "udp/8202", "tcp/9303"]`

// A layer that takes away the last admin service is warned of, however it does that,
// and at the line that does it.
func TestLostAdmin(t *testing.T) {
	const below = "version = 1\nservices.ssh = { ports = [\"tcp/22\"], admin = true }\nservices.web.ports = [\"tcp/80\"]\n"
	const lost = ": warning: services.ssh: this takes away the last service that is marked admin: you may not be able to log in any more"
	for text, want := range map[string]string{
		`services.remove = ["ssh"]`:                                                    "a.toml:3:20" + lost,
		`services.ssh.enabled = false`:                                                 "a.toml:3:14" + lost,
		`services.ssh.remove = ["admin"]`:                                              "a.toml:3:24" + lost,
		`services.ssh.admin = false`:                                                   "a.toml:3:14" + lost,
		`remove = ["services"]`:                                                        "a.toml:3:11" + lost,
		"services.ssh.enabled = false\naccess.admin = [\"192.0.2.7\"]":                 "a.toml:3:14" + lost,
		"services.remove = [\"ssh\"]\nservices.s2 = {ports=[\"tcp/2222\"],admin=true}": "",
		`services.web.enabled = false`:                                                 "",
		`services.remove = ["web"]`:                                                    "",
		``:                                                                             "",
	} {
		root := fstest.MapFS{"below.toml": {Data: []byte(below)}, "a.toml": {Data: []byte("version = 1\ninclude = [\"below.toml\"]\n" + text)}}
		p, list := profile.Read("a.toml", profile.Folders{Root: root})
		if p == nil {
			t.Fatalf("%s: %v", text, list)
		}
		var got string
		for _, d := range check.Profile(p) {
			got += d.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestProfile(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"right", `services.a.ports = ["tcp/80", "udp/80"]
services.b.ports = ["tcp/81"]`, ``},
		{"no user gets in where there are no knocks", knocked, `a.toml:2:10: warning: services.ssh: opens only to a knock, and access.admin is empty: if the saved rules fail to load at boot, no one can log in`},
		{"the administrator does", knocked + `
access.admin = ["192.0.2.7"]`, ``},
		{"whom the service states does", strings.Replace(knocked, "admin", `from = ["192.0.2.7"], admin`, 1), ``},
		{"one port, two services", `services.a.ports = ["tcp/80"]
services.b.ports = ["tcp/443", "tcp/80"]`, `a.toml:3:32: services.b.ports: tcp/80 is a port of services.a too, and both are for everyone`},
		{"a tripwire on a service", `services.a.ports = ["tcp/8000-8010"]
scan = { probes = 10, tripwires = ["udp/8005", "tcp/8005"] }`,
			`a.toml:3:48: scan.tripwires: tcp/8005 is a port of services.a, where one probe must not ban`},
		{"a range over a port", `services.a.ports = ["udp/60005"]
services.b.ports = ["udp/60000-61000"]`, `a.toml:3:21: services.b.ports: udp/60000-61000 is a port of services.a too, and both are for everyone`},
		{"a port in a range", `services.a.ports = ["udp/60000-61000"]
services.b.ports = ["udp/61000"]`, `a.toml:3:21: services.b.ports: udp/61000 is a port of services.a too, and both are for everyone`},
		{"ranges side by side", `services.a.ports = ["udp/60000-60999"]
services.b.ports = ["udp/61000-61999"]`, ``},
		{"three services", `services.a.ports = ["tcp/80"]
services.b.ports = ["tcp/80"]
services.c.ports = ["tcp/80"]`, `a.toml:3:21: services.b.ports: tcp/80 is a port of services.a too, and both are for everyone
a.toml:4:21: services.c.ports: tcp/80 is a port of services.a too, and both are for everyone`},
		{"two lists of one service over another's port", `services.a.ports = ["tcp/1-100", "tcp/50-60"]
services.b.ports = ["tcp/90"]`, `a.toml:3:21: services.b.ports: tcp/90 is a port of services.a too, and both are for everyone`},
		{"one port for groups of their own", `services.a = { ports = ["tcp/80"], new_per_source = "1/second" }
services.b = { ports = ["tcp/80"], from = ["192.0.2.7"] }
services.c = { ports = ["tcp/1-100"], from = ["192.0.2.0/24"] }`, ``},
		{"a group that is asked too late", `services.b = { ports = ["tcp/80"], from = ["192.0.2.0/24", "198.51.100.0/24"] }
services.a = { ports = ["tcp/80"], from = ["192.0.2.7"] }`,
			`a.toml:3:25: services.a.ports: services.b is asked first for tcp/80, and its from holds all sources of services.a: the limits of services.a never count`},
		{"a proxy before one of two", `services.a = { ports = ["tcp/80"], synproxy = true }
services.b = { ports = ["tcp/80"], from = ["192.0.2.7"] }`,
			`a.toml:2:25: services.a.ports: tcp/80 is a port of services.b too, and synproxy is stated for one of them only`},
		{"a knock at an open door", `services.a = { ports = ["tcp/22"], knock = "door" }
services.b = { ports = ["tcp/22"] }
knocks.door.sequence = ["tcp/7101", "udp/8202"]`,
			`a.toml:3:25: warning: services.b.ports: services.b opens tcp/22 to everyone, so that the knock of services.a hides nothing`},
		{"a blocklist of the whole internet", `sets.half.addresses = ["0.0.0.0/1", "128.0.0.0/2"]
access.block = ["@half", "192.0.0.0/3"]`, `a.toml:3:17: access.block: these addresses together are everyone, and would drop everyone`},
		{"of IPv6's", `access.block = ["2000::/3"]`, `a.toml:2:17: access.block: these addresses together are everyone, and would drop everyone`},
		{"a large one", `access.block = ["0.0.0.0/1", "2000::/4"]`, ``},
		{"admin without a service", `access.admin = ["192.0.2.7"]
services.ssh.ports = ["tcp/22"]`, `a.toml:2:17: warning: access.admin: no service is marked admin, so these addresses reach nothing by it`},
		{"FTP without a range", `services.ftp.ports = ["tcp/20", "tcp/21"]
services.web.ports = ["tcp/80", "udp/50000-50100"]`, `a.toml:2:33: warning: services.ftp.ports: FTP sends data by another connection, to a port that no service states: a login works, and then listings and downloads hang`},
		{"FTP with a range", `services.ftp.ports = ["tcp/21", "tcp/50000-50100"]`, ``},
		{"FTP with a range elsewhere", `services.ftp.ports = ["tcp/21"]
services.ftp-data.ports = ["tcp/50000-50100"]`, ``},
		{"no FTP", `services.a.ports = ["udp/21", "tcp/990"]`, ``},
		{"admin with one", `access.admin = ["192.0.2.7"]
services.ssh = { ports = ["tcp/22"], admin = true }`, ``},
		{"blocked trusted", `sets.bad.addresses = ["192.0.2.0/24", "2001:db8::/32"]
access.block = ["@bad"]
access.admin = ["192.0.2.0/30"]
access.exempt = ["2001:db8::1"]
services.ssh = { ports = ["tcp/22"], admin = true }`, `a.toml:4:17: warning: access.admin: access.block lists some of these addresses, such as 192.0.2.0/30
a.toml:5:18: warning: access.exempt: access.block lists some of these addresses, such as 2001:db8::1/128`},
		{"blocked, though a service states it", `sets.apps.addresses = ["10.20.0.0/16"]
access.block = ["10.20.7.0/24", "198.51.100.0/24"]
services.metrics = { ports = ["tcp/9090"], from = ["192.0.2.9", "@apps"] }`, `a.toml:4:65: warning: services.metrics.from: access.block lists some of these addresses, such as 10.20.7.0/24`},
		{"all that a service states is blocked", `access.block = ["10.0.0.0/8", "192.168.0.0/16"]
services.metrics = { ports = ["tcp/9090"], from = ["10.20.7.1", "192.168.1.0/24"] }`,
			`a.toml:3:52: warning: services.metrics.from: access.block lists all of these addresses, such as 10.20.7.1/32`},
		{"stated, blocked, and trusted", `access.block = ["10.0.0.0/8"]
access.exempt = ["10.20.7.1"]
services.metrics = { ports = ["tcp/9090"], from = ["10.20.7.1"] }`, `a.toml:3:18: warning: access.exempt: access.block lists some of these addresses, such as 10.20.7.1/32`},
		{"an admin at what is not marked admin", `access.block = ["10.20.0.0/16"]
access.admin = ["192.0.2.7"]
services.ssh = { ports = ["tcp/22"], admin = true, from = ["10.20.7.1"] }`, `a.toml:4:60: warning: services.ssh.from: access.block lists all of these addresses, such as 10.20.7.1/32`},
		{"stated for IPv6, which is closed", `policy.ipv6 = false
services.a = { ports = ["tcp/1"], from = ["2001:db8::/32"] }
services.b = { ports = ["tcp/2"], from = ["2001:db8::/32", "192.0.2.0/24"] }
services.c = { ports = ["tcp/3"] }`, `a.toml:3:43: warning: services.a.from: all of these addresses are of IPv6, which policy.ipv6 = false closes`},
		{"an admin by IPv6, which is closed", `policy.ipv6 = false
access.admin = ["2001:db8::7"]
services.ssh = { ports = ["tcp/22"], admin = true }`, `a.toml:3:17: warning: access.admin: all of these addresses are of IPv6, which policy.ipv6 = false closes`},
		{"the second of two lists", `access.admin = ["192.0.2.7", "192.0.2.9"]
access.block = ["192.0.2.9"]
services.ssh = { ports = ["tcp/22"], admin = true }`, `a.toml:2:30: warning: access.admin: access.block lists some of these addresses, such as 192.0.2.9/32`},
		{"everyone by two sets", `sets.a.addresses = ["0.0.0.0/1"]
sets.b.files = ["half.txt"]
access.block = ["@a", "@b"]`, `a.toml:4:17: access.block: these addresses together are everyone, and would drop everyone`},
		{"fail2ban", `log = {}
scan.probes = 10
fail2ban = { retries = 13 }`, ``},
		{"fail2ban off", `fail2ban.enabled = false`, ``},
		{"fail2ban without lines", `fail2ban.retries = 3`, `a.toml:2:1: fail2ban: reads the lines of [log], which this profile does not have`},
		{"fail2ban with too few lines", `log = {}
scan.probes = 10
fail2ban = { retries = 14, window = "10m" }`, `a.toml:4:1: fail2ban: wants 14 lines of a source, and [log] lets it write only 13 in that time`},
		{"fail2ban with too few lines for all", `log = { rate = "1/hour burst 2" }
scan.probes = 10
fail2ban = {}`, `a.toml:4:1: fail2ban: wants 3 lines of a source, and [log] lets it write only 2 in that time`},
		{"fail2ban that counts retries", `log = {}
fail2ban = {}`, `a.toml:3:1: warning: fail2ban: counts each packet of a client that retries one closed port`},
		{"a jail that hides services", `log = {}
scan = { probes = 10, scope = "hidden" }
fail2ban = {}
services.web.ports = ["tcp/80"]`, ``},
		{"a jail that leaves services", `log = {}
scan.probes = 10
fail2ban = { scope = "hidden" }
services.db = { ports = ["tcp/5432"], from = ["192.0.2.7"] }
services.web.ports = ["tcp/80"]`, `a.toml:4:22: warning: fail2ban.scope: "hidden" leaves a jailed source the ports that services state for it, such as tcp/5432`},
		{"a jail that leaves nothing", `log = {}
scan.probes = 10
fail2ban = { scope = "hidden" }`, ``},
		{"a log that others write", `log = {}
scan.probes = 10
fail2ban = { retries = 5, log = "/var/log/kern.log" }`, `a.toml:4:33: warning: fail2ban.log: /var/log/kern.log may hold lines that any user of this host has written in the kernel's name`},
		{"a log of the kernel's own lines", `log = {}
scan.probes = 10
fail2ban = { retries = 5, log = "/var/log/hardenctl.log" }`, ``},
		{"a proxy for nothing", `services.a = { ports = ["udp/53"], synproxy = true }
services.b = { ports = ["udp/54", "tcp/54"], synproxy = true }`, `a.toml:2:10: warning: services.a.synproxy: does nothing, since the service has no TCP port`},
		{"no admin that conntrack need not see", `access.admin_untracked = true
services.a = { ports = ["tcp/22"], admin = true }`, `a.toml:2:1: warning: access.admin_untracked: does nothing without admin, and a service marked admin that has a TCP port and no synproxy`},
		{"no service that conntrack need not see", `access = { admin = ["192.0.2.7"], admin_untracked = true }
services.a = { ports = ["tcp/22"], admin = true, synproxy = true }`, `a.toml:2:1: warning: access.admin_untracked: does nothing without admin, and a service marked admin that has a TCP port and no synproxy`},
		{"a proxy before containers", `policy.forward = "published"
services.a = { ports = ["tcp/80"], synproxy = true }`, ``},
		{"apart", `access.block = ["192.0.2.0/25"]
access.exempt = ["192.0.2.128/25"]`, ``},
	} {
		if got := findings(t, test.text); got != test.want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestProtocols(t *testing.T) {
	for text, want := range map[string]string{
		`services.a = { protocols = ["gre"], admin = true }`: "a.toml:2:10: services.a.admin: the service has no TCP or UDP port by which an admin could log in",
		`services.a = { ports = ["tcp/1"], groups = ["mdns"] }`: "a.toml:2:45: warning: services.a.groups: a connection goes to one host, never to a group: " +
			"the TCP, SCTP and DCCP ports of this service are closed",
		`services.a = { ports = ["udp/1"], protocols = ["gre"], groups = ["mdns"] }`: "",
	} {
		if got := findings(t, text); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestZones(t *testing.T) {
	const zones = "zones = { lan.interfaces = [\"lan0\"], vpn.interfaces = [\"wg0\"] }\n" +
		`services.x = { ports = ["tcp/1"], zones = ["lan", "vpn"] }` + "\n"
	for text, want := range map[string]string{
		"zones = { a.interfaces = [\"wg+\"], b.interfaces = [\"eth0\", \"wg0\"] }\nservices.x = { ports = [\"tcp/1\"], zones = [\"a\", \"b\"] }": `a.toml:2:59: zones.b.interfaces: "wg0" and "wg+" of zones.a can mean the same interface`,
		"zones = { a.interfaces = [\"w+\"], b.interfaces = [\"wg+\"] }\nservices.x = { ports = [\"tcp/1\"], zones = [\"a\", \"b\"] }":            `a.toml:2:50: zones.b.interfaces: "wg+" and "w+" of zones.a can mean the same interface`,
		`zones.a.interfaces = ["wg0"]`: "a.toml:2:7: warning: zones.a: no service and no set is in this zone, and it has no trust, so that it says nothing",
		zones + `services.a = { ports = ["tcp/22"], zones = ["lan"] }
services.b = { ports = ["tcp/22"], zones = ["vpn"] }
services.c.ports = ["tcp/22"]`: "",
		zones + `services.a = { ports = ["tcp/22"], zones = ["lan", "vpn"] }
services.b = { ports = ["tcp/22"], zones = ["vpn"] }`: "a.toml:5:25: services.b.ports: services.a is asked first for tcp/22, and is for every source in the zones of services.b: the limits of services.b never count",
		zones + `services.a = { ports = ["tcp/22"], zones = ["lan"] }
services.b = { ports = ["tcp/22"], zones = ["lan"] }`: "a.toml:5:25: services.b.ports: services.a is asked first for tcp/22, and is for every source in the zones of services.b: the limits of services.b never count",
		zones + `services.a = { ports = ["tcp/22"], zones = ["lan"], from = ["192.0.2.0/24"] }
services.b = { ports = ["tcp/22"], from = ["192.0.2.0/25"] }`: "",
		zones + `services.a = { ports = ["tcp/22"], from = ["192.0.2.0/24"] }
services.b = { ports = ["tcp/22"], zones = ["lan"], from = ["192.0.2.0/25"] }`: "a.toml:5:25: services.b.ports: services.a is asked first for tcp/22, and its from holds all sources of services.b: the limits of services.b never count",
		zones + `services.a = { ports = ["tcp/22"], zones = ["lan"], synproxy = true }
services.b = { ports = ["tcp/22"], zones = ["vpn"], synproxy = true }`: "a.toml:5:25: services.b.ports: tcp/22 is a port of services.a too, and with synproxy zones cannot tell the two apart",
	} {
		if got := findings(t, text); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestTrust(t *testing.T) {
	const vpn = "zones.vpn = { interfaces = [\"wg0\"], trust = \"all\" }\n"
	for text, want := range map[string]string{
		vpn: "",
		vpn + `services.x = { ports = ["tcp/1"], zones = ["vpn"] }`: `a.toml:3:44: warning: services.x.zones: every packet from zones.vpn reaches every port, so that this service says nothing`,
		vpn + `zones.lan.interfaces = ["lan0"]
services.x = { ports = ["tcp/1"], zones = ["vpn", "lan"] }`: "",
		vpn + `services.ssh = { ports = ["tcp/22"], zones = ["vpn"], admin = true }`: "",
		`zones.vpn = { interfaces = ["wg0"], trust = ["192.0.2.7", "10.8.0.0/24"] }
access.block = ["198.51.100.0/24", "10.8.0.0/16"]`: `a.toml:2:59: warning: zones.vpn.trust: access.block lists some of these addresses, such as 10.8.0.0/24`,
		`zones.vpn = { interfaces = ["wg0"], trust = ["fd08::/64"] }
policy.ipv6 = false`: `a.toml:2:46: warning: zones.vpn.trust: all of these addresses are of IPv6, which policy.ipv6 = false closes`,
		`services.ssh = { ports = ["tcp/22"], admin = true, knock = "k" }
knocks.k.sequence = ["tcp/7001", "udp/8002", "tcp/9003"]
` + vpn: "",
	} {
		if got := findings(t, text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestSetsInZones(t *testing.T) {
	const sets = "zones.vpn.interfaces = [\"wg0\"]\nzones.lan.interfaces = [\"lan0\"]\nsets = { office = { addresses = [\"10.8.0.0/24\"], zone = \"vpn\" }, site.addresses = [\"10.8.0.0/16\"] }\n" +
		`services.x = { ports = ["tcp/1"], zones = ["lan"] }` + "\n"
	for text, want := range map[string]string{
		`services.a = { ports = ["tcp/22"], from = ["@office", "@site"] }`:                "",
		`services.a = { ports = ["tcp/22"], from = ["@office"], zones = ["lan", "vpn"] }`: "",
		`zones.vpn.trust = ["@office"]`:                                                   "",
		`access.exempt = ["192.0.2.1", "@office"]`:                                        `a.toml:6:31: access.exempt: sets.office counts only for packets from zones.vpn, and this list is for every interface`,
		`access.block = ["@office"]`:                                                      `a.toml:6:17: access.block: sets.office counts only for packets from zones.vpn, and this list is for every interface`,
		`icmp.echo_from = ["@office"]`:                                                    `a.toml:6:19: icmp.echo_from: sets.office counts only for packets from zones.vpn, and this list is for every interface`,
		`services.a = { ports = ["tcp/22"], from = ["@office"], zones = ["lan"] }`:        `a.toml:6:44: services.a.from: sets.office counts only for packets from zones.vpn, where this service is not open: no packet is let in by it`,
		`zones.lan.trust = ["@office"]`:                                                   `a.toml:6:20: zones.lan.trust: sets.office counts only for packets from zones.vpn, so that no packet of this zone is from it`,
		"services.a = { ports = [\"tcp/22\"], from = [\"@office\"] }\nservices.b = { ports = [\"tcp/22\"], from = [\"10.8.0.7\"] }":                                "",
		"services.a = { ports = [\"tcp/22\"], from = [\"@office\"] }\nservices.b = { ports = [\"tcp/22\"], from = [\"10.8.0.7\"], zones = [\"vpn\"] }":             `a.toml:7:25: services.b.ports: services.a is asked first for tcp/22, and its from holds all sources of services.b: the limits of services.b never count`,
		"services.a = { ports = [\"tcp/22\"], from = [\"@site\"] }\nservices.b = { ports = [\"tcp/22\"], from = [\"@office\"] }":                                   `a.toml:7:25: services.b.ports: services.a is asked first for tcp/22, and its from holds all sources of services.b: the limits of services.b never count`,
		"services.a = { ports = [\"tcp/22\"], from = [\"@office\"], synproxy = true }\nservices.b = { ports = [\"tcp/22\"], from = [\"@site\"], synproxy = true }": `a.toml:7:25: services.b.ports: tcp/22 is a port of services.a too, and with synproxy zones cannot tell the two apart`,
	} {
		if got := findings(t, sets+text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
