package check_test

import (
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/check"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// aDoor is used in line 2 and stated from line 3 on.
const aDoor = "services.ssh = { ports = [\"tcp/22\"], knock = \"door\" }\n"

func TestKnocks(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"right", aDoor + `knocks.door.sequence = ["tcp/7000", "udp/8000", "tcp/9000"]`, ""},
		{"a port twice", aDoor + `knocks.door.sequence = ["tcp/7000", "tcp/9000", "tcp/7000"]`, ""},
		{"one number, two protocols", aDoor + "services.a.ports = [\"udp/7000\"]\nknocks.door.sequence = [\"tcp/7000\", \"udp/7001\", \"tcp/7002\"]", ""},
		{"on a service", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"udp/8000\"]\nservices.a.ports = [\"udp/7990-8010\"]",
			"a.toml:3:37: knocks.door.sequence: udp/8000 is a port of services.a, which answers before a knock is heard"},
		{"on its own service", aDoor + `knocks.door.sequence = ["tcp/7000", "tcp/22"]`,
			"a.toml:3:37: knocks.door.sequence: tcp/22 is a port of services.ssh, which answers before a knock is heard"},
		{"on a tripwire", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"udp/8000\"]\nscan = { probes = 3, tripwires = [\"tcp/8000\", \"udp/7990-8010\"] }",
			"a.toml:3:37: knocks.door.sequence: udp/8000 is also in scan.tripwires, but a packet of a knock never bans; choose another port"},
		{"fewer than are free", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"udp/8000\", \"tcp/7000\"]\nscan.probes = 3", ""},
		{"as many as are free", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"udp/8000\", \"tcp/9000\"]\nscan.probes = 3",
			"a.toml:3:25: knocks.door.sequence: [scan] bans a source that asks for more than 3 closed ports; who tries the service, and then knocks at these 3, would be banned"},
		{"as many as are free in a day", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"udp/8000\", \"tcp/9000\"]\nscan = { probes = 5, slow = { probes = 3, window = \"1d\" } }",
			"a.toml:3:25: knocks.door.sequence: [scan] bans a source that asks for more than 3 closed ports; who tries the service, and then knocks at these 3, would be banned"},
		{"not counted", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"udp/8000\", \"tcp/9000\"]\nscan = { probes = 2, scope = \"hidden\" }", ""},
		{"two doors together", aDoor + "services.b = { ports = [\"tcp/80\"], knock = \"other\" }\n" +
			"knocks.door.sequence = [\"tcp/7000\", \"udp/8000\"]\nknocks.other.sequence = [\"tcp/6000\", \"udp/8001\"]\nscan.probes = 4",
			"a.toml:6:1: warning: scan.probes: the knocks have 4 ports in all, and 4 are free: who knocks at every door within scan.window is banned"},
		{"two doors share a port", aDoor + "services.b = { ports = [\"tcp/80\"], knock = \"other\" }\n" +
			"knocks.door.sequence = [\"tcp/7000\", \"udp/8000\"]\nknocks.other.sequence = [\"tcp/6000\", \"udp/8000\"]",
			"a.toml:5:38: knocks.other.sequence: udp/8000 is a port of knocks.door too"},
		{"a door that opens nothing", `knocks.door.sequence = ["tcp/7000", "udp/8000"]`,
			"a.toml:2:8: warning: knocks.door: no service asks for this knock, so it opens nothing"},
		{"swept up", aDoor + `knocks.door.sequence = ["tcp/7000", "tcp/7001", "tcp/7002"]`,
			"a.toml:3:25: knocks.door.sequence: a scan that counts up through all ports sends these in order"},
		{"swept down, past a service", aDoor + "knocks.door.sequence = [\"udp/7003\", \"udp/7001\"]\nservices.a.ports = [\"udp/7002\"]",
			"a.toml:3:25: knocks.door.sequence: a scan that counts down through all ports sends these in order"},
		{"swept past another door", aDoor + "services.b = { ports = [\"tcp/80\"], knock = \"other\" }\n" +
			"knocks.door.sequence = [\"tcp/7000\", \"tcp/7002\"]\nknocks.other.sequence = [\"tcp/7001\", \"tcp/6000\"]",
			"a.toml:4:25: knocks.door.sequence: a scan that counts up through all ports sends these in order"},
		{"a hole between", aDoor + "knocks.door.sequence = [\"tcp/7000\", \"tcp/7001\", \"tcp/7003\"]", ""},
		{"up and down", aDoor + "knocks.door.sequence = [\"tcp/65534\", \"tcp/65535\", \"tcp/65533\"]", ""},
	} {
		if got := knockFindings(t, "a.toml", test.text); got != test.want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// TestPublicKnock holds that a public sequence is refused,
// unless that profile itself is checked.
func TestPublicKnock(t *testing.T) {
	const builtin = aDoor + `knocks.door.sequence = ["tcp/7000", "udp/8000", "tcp/9000"]`
	const says = ": knocks.door.sequence: this sequence is part of hardenctl, and everybody can read it"
	for _, test := range []struct{ name, text, want string }{
		{"builtin:door", "", "builtin:door:3:25: warning" + says},
		{"a.toml", `include = ["builtin:door"]`, "builtin:door:3:25" + says},
		{"a.toml", "include = [\"builtin:door\"]\nknocks.door.sequence = [\"tcp/1\", \"udp/7\", \"tcp/3\"]", ""},
		{"a.toml", "include = [\"builtin:door\"]\nknocks.door.open = \"1m\"", "builtin:door:3:25" + says},
	} {
		if got := knockFindings(t, test.name, test.text, builtin); got != test.want {
			t.Errorf("%s with %q:\ngot\n%s\nwant\n%s", test.name, test.text, got, test.want)
		}
	}
}

// knockFindings returns what is wrong with the knocks of a profile, one a line.
// The text is a.toml's, and another one that of builtin:door.
func knockFindings(t *testing.T, name, text string, builtin ...string) string {
	t.Helper()
	files := profile.Folders{
		Root:     fstest.MapFS{"a.toml": {Data: []byte("version = 1\n" + text)}},
		Builtins: fstest.MapFS{},
	}
	if len(builtin) > 0 {
		files.Builtins = fstest.MapFS{"door.toml": {Data: []byte("version = 1\n" + builtin[0])}}
	}
	p, list := profile.Read(name, files)
	if p == nil {
		t.Fatalf("the profile of this test is wrong: %v", list)
	}
	return lines(check.Knocks(name, p))
}

func lines(list diag.List) string {
	text := ""
	for i, d := range list {
		if i > 0 {
			text += "\n"
		}
		text += d.String()
	}
	return text
}
