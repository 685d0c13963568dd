package profile

import (
	"fmt"
	"strings"
	"testing"
)

// inherited is a profile over which others are laid in these tests. It has every
// list of the language, and every kind of table.
const inherited = `version = 1
[policy]
forward = "published"
inside = ["lan0", "lan1"]
[sets.office]
addresses = ["192.0.2.0/24", "198.51.100.7/32"]
files = ["builtin:list"]
[sets.other]
addresses = ["203.0.113.0/24"]
[access]
admin = ["@office"]
exempt = ["@other"]
block = ["198.51.100.9", "198.51.100.10"]
[services.ssh]
ports = ["tcp/22", "tcp/2222-2222"]
from = ["@office", "10.0.0.0/8"]
new_per_source = "5/minute"
knock = "door"
[services.web]
ports = ["tcp/80"]
[scan]
probes = 10
slow = { probes = 20, window = "1d" }
tripwires = ["tcp/23", "tcp/3389"]
[knocks.door]
sequence = ["tcp/7000", "udp/8000", "tcp/9000"]
[log]
rate = "1/minute"
[udp]
packets_per_source = "100/second"
[icmp]
echo_per_source = "1/second"
[kernel]
syncookies = true
default_ttl = 128
[nics.lan0]
gro = true
tso = false
[fail2ban]
retries = 2
`

// laidOver reads lines laid over the inherited profile.
func laidOver(t *testing.T, lines string, more ...string) (*Profile, []string) {
	t.Helper()
	texts := map[string]string{
		"a.toml":                 "version = 1\ninclude = [\"builtin:b\"]\n" + lines,
		"builtin:b.toml":         inherited,
		"builtin:lists/list.txt": "192.0.2.1\n",
	}
	for i := 0; i+1 < len(more); i += 2 {
		texts[more[i]] = more[i+1]
	}
	p, diags := Read("a.toml", folders(texts))
	var found []string
	for _, d := range diags {
		text := d.String()
		for _, hint := range []string{d.Note, d.Suggestion} {
			if hint != "" {
				text += " | " + hint
			}
		}
		found = append(found, text)
	}
	return p, found
}

// TestEdits holds that every list of the language can be added to and removed
// from, that every table can be switched off, and that every key can be removed.
func TestEdits(t *testing.T) {
	for _, test := range []struct {
		lines string
		show  func(p *Profile) any
		want  string
	}{
		{`services.ssh.from.add = ["@other"]`, from, "[office 10.0.0.0/8 other]"},
		{`services.ssh.from.remove = ["10.0.0.0/8"]`, from, "[office]"},
		{`services.ssh.from = { add = ["@other"], remove = ["@office"] }`, from, "[10.0.0.0/8 other]"},
		{`services.ssh.ports.add = ["udp/22"]`, sshPorts, "[tcp/22 tcp/2222 udp/22]"},
		{`services.ssh.ports.remove = ["tcp/2222"]`, sshPorts, "[tcp/22]"},
		{`sets.office.addresses.remove = ["198.51.100.7"]`, func(p *Profile) any { return p.Sets[0].Entries }, "2"},
		{`sets.office.addresses.add = ["198.51.100.8"]`, func(p *Profile) any { return p.Sets[0].Entries }, "4"},
		{`sets.office.files.remove = ["builtin:list"]`, func(p *Profile) any { return p.Sets[0].Entries }, "2"},
		{`sets.other.files.add = ["builtin:list"]`, func(p *Profile) any { return p.Sets[1].Entries }, "2"},
		{`access.admin.add = ["192.0.2.7"]`, func(p *Profile) any { return len(p.Access.Admin) }, "2"},
		{`access.exempt.remove = ["@other"]`, func(p *Profile) any { return len(p.Access.Exempt) }, "0"},
		{`access.block.remove = ["198.51.100.9/32"]`, func(p *Profile) any { return p.Access.Block[0].Prefix }, "198.51.100.10/32"},
		{`scan.tripwires.remove = ["tcp/23"]`, func(p *Profile) any { return p.Scan.Tripwires }, "[tcp/3389]"},
		{`policy.inside.remove = ["lan1"]`, func(p *Profile) any { return len(p.Policy.Inside) }, "1"},
		{`knocks.door.sequence.add = ["udp/1"]`, func(p *Profile) any { return p.Knocks[0].Sequence }, "[tcp/7000 udp/8000 tcp/9000 udp/1]"},

		{`services.web.enabled = false`, func(p *Profile) any { return len(p.Services) }, "1"},
		{"services.web.enabled = true", func(p *Profile) any { return len(p.Services) }, "2"},
		{"access.exempt.remove = [\"@other\"]\nsets.other.enabled = false", func(p *Profile) any { return len(p.Sets) }, "1"},
		{"services.ssh.remove = [\"knock\"]\nknocks.door.enabled = false", func(p *Profile) any { return len(p.Knocks) }, "0"},
		{`nics.lan0.enabled = false`, func(p *Profile) any { return len(p.NICs) }, "0"},
		{`scan.enabled = false`, func(p *Profile) any { return p.Scan.Probes }, "0"},
		{`log.enabled = false`, func(p *Profile) any { return p.Log.Rate.Count }, "0"},
		{`udp.enabled = false`, func(p *Profile) any { return p.UDP.PacketsPerSource.Stated() }, "false"},
		{`icmp.enabled = false`, func(p *Profile) any { return p.ICMP.EchoPerSource.Stated() }, "false"},
		{`kernel.enabled = false`, func(p *Profile) any { return len(p.Kernel) }, "0"},
		{`fail2ban.enabled = false`, func(p *Profile) any { return p.Fail2ban.Enabled }, "false"},

		{`services.ssh.remove = ["new_per_source"]`, func(p *Profile) any { return p.Services[0].NewPerSource.Stated() }, "false"},
		{`services.ssh.remove = ["from", "knock"]`, func(p *Profile) any { return p.Services[0].Public() }, "true"},
		{`services.remove = ["web"]`, func(p *Profile) any { return len(p.Services) }, "1"},
		{`scan.remove = ["slow"]`, func(p *Profile) any { return p.Scan.Slow.Count }, "0"},
		{`scan.remove = ["probes"]`, func(p *Profile) any { return p.Scan.Probes }, "0"},
		{`kernel.remove = ["default_ttl"]`, func(p *Profile) any { return len(p.Kernel) }, "1"},
		{`nics.lan0.remove = ["tso"]`, func(p *Profile) any { return len(p.NICs[0].Offloads) }, "1"},
		{"remove = [\"log\", \"fail2ban\"]", func(p *Profile) any { return p.Log.Rate.Count }, "0"},
	} {
		p, found := laidOver(t, test.lines)
		if len(found) > 0 {
			t.Errorf("%s: %s", test.lines, strings.Join(found, "\n"))
		} else if got := fmt.Sprint(test.show(p)); got != test.want {
			t.Errorf("%s: got %s, want %s", test.lines, got, test.want)
		}
	}
}

func from(p *Profile) any {
	var all []string
	for _, ref := range p.Services[0].From {
		if ref.Set != "" {
			all = append(all, ref.Set)
			continue
		}
		all = append(all, ref.Prefix.String())
	}
	return all
}

func sshPorts(p *Profile) any { return p.Services[0].Ports }

// TestEditsOfLayers holds that edits of several layers follow one another, and
// that a file which edits may be included before or after others.
func TestEditsOfLayers(t *testing.T) {
	const lines = "include = [\"builtin:b\", \"x.toml\", \"y.toml\"]\nservices.ssh.from.add = [\"192.0.2.7\"]"
	texts := map[string]string{
		"a.toml": "version = 1\n" + lines, "builtin:b.toml": inherited, "builtin:lists/list.txt": "192.0.2.1\n",
		"x.toml": "include = [\"z.toml\"]\nservices.ssh.from.remove = [\"@other\", \"@office\"]",
		"y.toml": "services.ssh.from.add = [\"@office\"]\nservices.ssh.remove = [\"knock\"]",
		"z.toml": "services.ssh.from.add = [\"@other\"]",
	}
	p, diags := Read("a.toml", folders(texts))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if got := fmt.Sprint(from(p), p.Services[0].Knock.Name); got != "[10.0.0.0/8 office 192.0.2.7/32]" {
		t.Errorf("got %s", got)
	}
}

// TestBadEdits shows what a person is told who takes away what is not there.
func TestBadEdits(t *testing.T) {
	for lines, want := range map[string]string{
		`services.ssh.from.remove = ["@ofice"]`:                         `a.toml:3:29: services.ssh.from.remove: "@ofice" is not in the inherited list | it holds @office, 10.0.0.0/8 | did you mean "@office"?`,
		`services.web.from.add = ["@office"]`:                           `a.toml:3:14: services.web.from: no included profile states this list, which means everyone | state the whole list: from = [...]`,
		`services.ssh.from.add = "@other"`:                              `a.toml:3:25: services.ssh.from.add: must be a list, not the text "@other" | write it in brackets: ["@other"]`,
		`services.ssh.from.remove = ["@office", "10.0.0.0/8"]`:          `a.toml:3:14: services.ssh.from: is empty: no source could connect`,
		`policy.inside.remove = ["lan0", "lan1"]`:                       `a.toml:3:8: policy.inside: nothing is left of this list, so that connections could begin on every interface | if that is meant, say remove = ["inside"] in [policy]`,
		`scan.tripwires.remove = ["tcp/24"]`:                            `a.toml:3:26: scan.tripwires.remove: "tcp/24" is not in the inherited list | it holds tcp/23, tcp/3389 | did you mean "tcp/23"?`,
		`services.wbe.enabled = false`:                                  `a.toml:3:10: services.wbe: there is nothing to switch off: no included profile states this table | did you mean "web"?`,
		`nics.lan9.enabled = false`:                                     `a.toml:3:6: nics.lan9: there is nothing to switch off: no included profile states this table | did you mean "lan0"?`,
		`services.remove = ["wbe"]`:                                     `a.toml:3:20: services.remove: there is no "wbe" to remove: no included profile states it | did you mean "web"?`,
		`services.ssh.remove = ["nock"]`:                                `a.toml:3:24: services.ssh.remove: there is no "nock" to remove: no included profile states it | did you mean "knock"?`,
		`sets.other.enabled = false`:                                    `a.toml:3:12: sets.other: is switched off, and access.exempt of builtin:b:12:11 names it | take it out of that list: access.exempt.remove = ["@other"]`,
		`knocks.door.enabled = false`:                                   `a.toml:2:12: services.ssh.knock: the knock "door" is switched off in a.toml:3:13 | inherited from builtin:b:18:9 | remove = ["knock"] opens the service without one`,
		`services.ssh.ports = []`:                                       `a.toml:3:22: services.ssh.ports: is empty, so that the service has no ports | to switch the service off, write enabled = false in its table`,
		"services.ssh.from = []":                                        `a.toml:3:21: services.ssh.from: is empty: no source could connect`,
		"[services.ssh]\nfrom = [\"@other\"]\nfrom.add = [\"@office\"]": `a.toml:5:1: services.ssh.from: is already stated in line 4, column 1`,
	} {
		_, found := laidOver(t, lines)
		if len(found) != 1 || !strings.HasPrefix(found[0], want) {
			t.Errorf("%s:\n%s\nwant\n%s", lines, strings.Join(found, "\n"), want)
		}
	}
}

// TestOwnLineFirst holds that a message about what is inherited names the line of
// the user by which it came, or the nearest that changes it.
func TestOwnLineFirst(t *testing.T) {
	for lines, want := range map[string]string{
		`scan.ban = "2h"`:                                                 "",
		"[scan]\nban_repeat = \"1m\"":                                     `a.toml:4:14: warning: scan.ban_repeat: does nothing`,
		"[services.ssh]\nknock = \"dor\"":                                 `a.toml:4:9: services.ssh.knock: there is no knock "dor"`,
		"[sets.x]\naddresses = [\"192.0.2.1\"]\nsets.office = 1":          `a.toml:5:1: sets.x.sets: unknown table`,
		"sets.other.enabled = false\n[access]\nadmin = [\"192.0.2.1\"]":   `a.toml:3:12: sets.other: is switched off, and access.exempt of builtin:b:12:11 names it`,
		"sets.other.enabled = false\naccess.exempt.remove = [\"@other\"]": "",
	} {
		_, found := laidOver(t, lines)
		if want == "" && len(found) > 0 || want != "" && (len(found) == 0 || !strings.HasPrefix(found[0], want)) {
			t.Errorf("%s:\n%s\nwant\n%s", lines, strings.Join(found, "\n"), want)
		}
	}
}

// TestHelp shows what a person is told who has mistyped a word.
func TestHelp(t *testing.T) {
	for lines, want := range map[string]string{
		"inlcude = [\"x\"]":                            `did you mean "include"?`,
		"[services.ssh]\nadmn = true":                  "the keys of this table are admin, connections_per_source, description, enabled, expires, from, groups, knock, new_per_source, ports, protocols, synproxy",
		"[services.shh]\nfrom = [\"@office\"]":         "did you mean [services.ssh]?",
		"[knocks.dor]\nstep = \"1s\"":                  "did you mean [knocks.door]?",
		"[sets.offic]":                                 "did you mean [sets.office]?",
		"services.web.from = [\"office\"]":             `"office" is not an address; there is a set of this name | write "@office"`,
		"services.web.from = [\"offices\"]":            `did you mean the set "@office"?`,
		"sets.other.addresses = [\"@office\"]":         `name both sets where they are used`,
		"services.web.ports = [\"TCP/80\"]":            `write "tcp/80"`,
		"policy.input = \"DROP\"":                      `did you mean "drop"?`,
		"[Policy]":                                     `did you mean "policy"?`,
		"[services.My_Site]\nports=[\"tcp/81\"]":       `name it "my-site"`,
		"sets.other.files = [\"list\"]":                `write "builtin:list" for the one that is built in`,
		"sets.other.files = [\"builtin:lits\"]":        `these are built in: builtin:list | did you mean "builtin:list"?`,
		"access.block = [\"192.0.2.9-192.0.2.1\"]":     "write 192.0.2.1-192.0.2.9",
		"policy.ipv6 = 1":                              "write true",
		"policy.ipv6 = \"off\"":                        "write false",
		"udp.new_per_source = \"10 per minute\"":       `write "10/minute"`,
		"policy.ipv6 = yes":                            "write true",
		"policy.input = drop":                          `write it in quotes: "drop"`,
		"scan.ban = 1h":                                `write it in quotes: "1h"`,
		"[policy]\nipv6: false":                        "write = between a key and its value",
		"services.web.ports = [tcp/80, tcp/81]":        `write each element in quotes: ["tcp/80", "tcp/81"]`,
		"services.web.ports = [\"tcp/80\" \"tcp/81\"]": "write a comma between the elements",
		"services.web.ports = [“tcp/80”]":              `write straight quotes: ["tcp/80"]`,
		"policy.ipv6 = true // or false":               "a comment begins with #",
		"-- a comment":                                 "a comment begins with #",
		"; a comment":                                  "a comment begins with #",
		"policy.input = \"drop\";":                     "take out the ; at the end of the line",
		"services.web.ports = [443]":                   `write "tcp/443" or "udp/443"`,
		"scan.tripwires = [23]":                        `write "tcp/23" or "udp/23"`,
		"scan.window = 3600":                           `write "3600s" for seconds`,
		"sets.other.maximum_shrink = 50":               `write "50%"`,
		"services.web.remove = \"knock\"":              `must be a list of keys such as ["knock"], not the text "knock" | write it in brackets: ["knock"]`,
		"remove = [\"services.web\"]":                  "enabled = false in a table disables that table",
		"admin = [\"192.0.2.7\"]":                      "admin is a key of [access]: state it below that line",
		"scan.block = [\"192.0.2.7\"]":                 "block is a key of [access]",
		"[access]\ninclude = [\"b.toml\"]":             "include belongs at the beginning of the file, above the first [table]",
		"services.web.admin = [\"192.0.2.7\"]":         "write true; list the addresses in [access], as admin = [...]",
		"# \xfcber":                                    "byte 0xfc is not valid UTF-8 | save the file as UTF-8",
		"services.remove = \"web\"":                    `write it in brackets: ["web"]`,
		"services.web.ports.ad = [\"tcp/81\"]":         `did you mean "add"?`,
		"access.exempt = { add = [], remov = [] }":     `access.exempt.remov: unknown key`,
	} {
		_, found := laidOver(t, lines)
		if len(found) == 0 || !strings.Contains(found[0], want) {
			t.Errorf("%s:\n%s\nwant\n%s", lines, strings.Join(found, "\n"), want)
		}
	}
	for include, want := range map[string]string{"b": `write "builtin:b"`, "builtin:bb": `these are built in: builtin:b`} {
		texts := map[string]string{"a.toml": "version = 1\ninclude = [\"" + include + "\"]", "builtin:b.toml": ""}
		_, diags := Read("a.toml", folders(texts))
		if len(diags) != 1 || !strings.Contains(diags[0].Note+diags[0].Suggestion, want) {
			t.Errorf("%s: %+v", include, diags)
		}
	}
}

// TestHomes holds that each key is known in the table to which a message sends it.
func TestHomes(t *testing.T) {
	for key, home := range homes {
		table := strings.ReplaceAll(home, "NAME", "a")
		if table == "" {
			table = key
		} else {
			table += "." + key
		}
		_, diags := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\n" + table + " = {}"}))
		for _, d := range diags {
			if d.Code == "unknown-key" {
				t.Errorf("%s does not belong into [%s]: %v", key, home, d)
			}
		}
	}
}

// TestUnreadInclude holds that an include which cannot be read is the only error:
// what the file adds, removes and leaves out may be right.
func TestUnreadInclude(t *testing.T) {
	const lines = `
services.ssh.from = ["192.0.2.0/24"]
services.web = { remove = ["knock"], ports.remove = ["tcp/80"] }
services.http3.enabled = false
services.remove = ["http"]
services.mail.from.add = ["@office"]
access.exempt.remove = ["@crawlers"]
sets.crawlers.min_entries = 5
knocks.door.step = "1s"
scan.window = "1d"
`
	for _, include := range []string{`["builtin:wbe"]`, `["builtin:web", "gone.toml"]`, `"builtin:web"`, `["builtin:web`, `[“builtin:web”]`} {
		texts := map[string]string{"a.toml": "version = 1\ninclude = " + include + "\n" + lines, "builtin:web.toml": `access.exempt = ["192.0.2.1"]`}
		if _, diags := Read("a.toml", folders(texts)); len(diags) != 1 || !strings.HasPrefix(diags[0].Subject, "include") {
			t.Errorf("include = %s:\n%v", include, diags)
		}
	}
}

// TestManyEdits holds that large lists and tables are edited in time that grows with
// their size, and not with its square.
func TestManyEdits(t *testing.T) {
	many := func(form string) string {
		var b strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	texts := map[string]string{
		"a.toml": "version = 1\ninclude = [\"b.toml\", \"c.toml\"]",
		"b.toml": "services.a.ports = [" + many("\"tcp/%d\",") + "]\n[sets]\n" + many("s%d = 1\n"),
		"c.toml": "services.a.ports.remove = [" + many("\"tcp/%d\",") + "]\nsets.remove = [" + many("\"s%d\",") + "]",
	}
	if _, diags := Read("a.toml", folders(texts)); len(diags) != 1 || diags[0].Code != "no-ports" {
		t.Errorf("got %d diagnostics, %v", len(diags), diags[:min(3, len(diags))])
	}
}

// TestNoListToChange holds that a word, where a list may be, is not changed into one.
func TestNoListToChange(t *testing.T) {
	for _, edit := range []string{"add", "remove"} {
		_, list := Read("a.toml", folders(map[string]string{
			"a.toml":         "version = 1\ninclude = [\"builtin:b\"]\nzones.vpn.trust." + edit + " = [\"192.0.2.7\"]\n",
			"builtin:b.toml": "version = 1\nzones.vpn = { interfaces = [\"wg0\"], trust = \"all\" }\n",
		}))
		if len(list) != 1 || !strings.HasPrefix(list[0].String(), `a.toml:3:11: zones.vpn.trust: is "all" at builtin:b:2:`) {
			t.Errorf("%s: %v", edit, list)
		}
	}
}
