package starter_test

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/starter"
)

// csfConf is a part of csf.conf as csf ships it.
const csfConf = `# SECTION:IPv4 Port Settings
TESTING = "0"

# Allow incoming TCP ports
TCP_IN = "22,80,443,30000:35000"

# Allow outgoing TCP ports
TCP_OUT = "20,21,22"
UDP_IN = "53"
IPV6 = "1"
TCP6_IN = "80,443"
UDP6_IN = ""
CONNLIMIT = "22;5"
CC_DENY = ""
LF_SSHD = "5"
`

const ufwRules = `*filter
:ufw-user-input - [0:0]
:ufw-user-output - [0:0]
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 192.0.2.0/24 in
-A ufw-user-input -p tcp --dport 22 -s 192.0.2.0/24 -j ACCEPT

### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in
-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT -m comment --comment 'dapp_Nginx%20Full'

### tuple ### limit tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 2222 -j ufw-user-limit-accept

### tuple ### deny any any 0.0.0.0/0 any 198.51.100.0/24 in
-A ufw-user-input -s 198.51.100.0/24 -j DROP
-A ufw-user-output -p tcp --dport 25 -j REJECT
COMMIT
`

const zone = `<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <service name="ssh"/>
  <service name="dhcpv6-client"/>
  <service name="strange"/>
  <port protocol="tcp" port="8000-8010"/>
  <protocol value="gre"/>
  <masquerade/>
  <service name="sip"/>
</zone>
`

const internal = `<zone target="ACCEPT">
  <interface name="lan0"/>
  <source address="10.1.0.0/16"/>
</zone>
`

// TestTools holds what the files of other tools become, and which lines are named.
func TestTools(t *testing.T) {
	for _, c := range []struct {
		files []starter.File
		has   []string
		left  string
	}{
		{
			[]starter.File{
				{Name: "csf.conf", Text: []byte(csfConf)},
				{Name: "csf.deny", Text: []byte("198.51.100.0/24 # scans\n2001:db8:bad::/48\n")},
				{Name: "csf.allow", Text: []byte("203.0.113.7 # office\ntcp|in|d=3306|s=192.0.2.9\ntcp|out|d=25|d=192.0.2.25\nInclude /etc/more\n")},
			},
			[]string{
				"# csf.conf:5: TCP_IN = \"22,80,443,30000:35000\"\n# csf.conf:11: TCP6_IN = \"80,443\"\n[services.https]\nports = [\"tcp/443\"]\n",
				"[services.tcp-30000]\nports = [\"tcp/30000-35000\"]\n", "[services.dns]\nports = [\"udp/53\"]\n",
				"block = [\"198.51.100.0/24\", \"2001:db8:bad::/48\"]\n", "[services.mysql]\nports = [\"tcp/3306\"]\nfrom = [\"192.0.2.9\", \"203.0.113.7\"]\n",
			},
			`csf.conf:8: TCP_OUT = "20,21,22"
  packets that this host sends: a profile leaves OUTPUT as it is
csf.conf:13: CONNLIMIT = "22;5"
  a limit: state new_per_source or connections_per_source of the service
csf.allow:1: 203.0.113.7 # office
  every port, from some sources: state the services that they use
csf.allow:3: tcp|out|d=25|d=192.0.2.25
  packets that this host sends: a profile leaves OUTPUT as it is
csf.allow:4: Include /etc/more
  import does not read this line
`,
		},
		{
			[]starter.File{{Name: "user.rules", Text: []byte(ufwRules)}},
			[]string{
				"admin = [\"192.0.2.0/24\"]\n", "[services.ssh]\nports = [\"tcp/22\"]\nadmin = true\nfrom = [\"192.0.2.0/24\"]\n",
				"[services.http]\nports = [\"tcp/80\"]\n\n", "[services.tcp-2222]\nports = [\"tcp/2222\"]\n",
			},
			`user.rules:14: -A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
  a limit: state new_per_source or connections_per_source of the service
user.rules:19: -A ufw-user-output -p tcp --dport 25 -j REJECT
  packets that this host sends: a profile leaves OUTPUT as it is
`,
		},
		{
			[]starter.File{{Name: "public.xml", Text: []byte(zone)}, {Name: "internal.xml", Text: []byte(internal)}},
			[]string{
				"# public.xml:4: <service name=\"ssh\"/>\n[services.ssh]\nports = [\"tcp/22\"]\n", "[services.tcp-8000]\nports = [\"tcp/8000-8010\"]\n",
				"[services.gre]\nprotocols = [\"gre\"]\n", "[services.sip]\nports = [\"tcp/5060\", \"udp/5060\"]\n",
				"trust = \"all\"\n",
			},
			`public.xml:5: <service name="dhcpv6-client"/>
  state the ports of this service; firewalld has them in /usr/lib/firewalld/services
public.xml:6: <service name="strange"/>
  state the ports of this service; firewalld has them in /usr/lib/firewalld/services
public.xml:9: <masquerade/>
  import does not read <masquerade>
internal.xml:1: <zone target="ACCEPT">
  every port, from some sources: state the services that they use
`,
		},
	} {
		old, err := starter.Tools(c.files)
		if err != nil {
			t.Fatal(err)
		}
		got := made(t, old)
		for _, want := range c.has {
			if !strings.Contains(string(got.Profile), want) {
				t.Errorf("%s: the profile lacks\n%s\nin\n%s", c.files[0].Name, want, got.Profile)
			}
		}
		if text := said(got.Left); text != c.left {
			t.Errorf("%s: left is\n%s", c.files[0].Name, text)
		}
	}
}

// FuzzTools holds that files of other tools are read or refused, whatever they hold.
func FuzzTools(f *testing.F) {
	f.Add("csf.conf", csfConf)
	f.Add("csf.allow", "tcp|in|d=22|s=192.0.2.1\n")
	f.Add("user.rules", ufwRules)
	f.Add("public.xml", zone)
	f.Fuzz(func(t *testing.T, name, text string) {
		if len(text) > 4000 {
			return
		}
		if old, err := starter.Tools([]starter.File{{Name: name, Text: []byte(text)}}); err == nil {
			made(t, old)
		}
	})
}
