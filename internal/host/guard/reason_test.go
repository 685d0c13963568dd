package guard

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// refusing is a table before and after three packets. The way is INPUT, the
// limit of SSH, and the chain that only drops; loopback has counted others.
const refusing = `*filter
:INPUT DROP [0:0]
:HARDENCTL-DROP-LIMIT - [0:0]
:HARDENCTL-INPUT - [0:0]
:HARDENCTL-S-SSH - [0:0]
[B:1] -A INPUT -j HARDENCTL-INPUT
[B:1] -A HARDENCTL-DROP-LIMIT -m comment --comment "policy: refused" -j DROP
[B:1] -A HARDENCTL-INPUT -p tcp -m comment --comment "scan: stealth" -j HARDENCTL-STEALTH
[B:1] -A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -m comment --comment "services.ssh" -j HARDENCTL-S-SSH
[7:1] -A HARDENCTL-INPUT -m comment --comment "policy: unserved" -j HARDENCTL-PROBE
[B:1] -A HARDENCTL-S-SSH -m comment --comment "services.ssh: new per source" -j HARDENCTL-DROP-LIMIT
[2:1] -A HARDENCTL-S-SSH -m comment --comment "services.ssh" -j ACCEPT
COMMIT
`

func counted(t *testing.T, text, packets string) tablefile.Table {
	t.Helper()
	out := []byte{}
	for _, c := range []byte(text) {
		if c == 'B' {
			out = append(out, packets...)
		} else {
			out = append(out, c)
		}
	}
	s, err := tablefile.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	return s.Tables[0]
}

// Of a trusted source, what refuses is that no service is open to it, and not that
// it is trusted.
func TestReasonOfTrusted(t *testing.T) {
	const text = `*filter
:INPUT DROP [0:0]
:HARDENCTL-DROP-TRUSTED - [0:0]
:HARDENCTL-INPUT - [0:0]
:HARDENCTL-TRUSTED - [0:0]
[B:1] -A INPUT -j HARDENCTL-INPUT
[B:1] -A HARDENCTL-DROP-TRUSTED -m comment --comment "policy: refused" -j DROP
[B:1] -A HARDENCTL-INPUT -m comment --comment "access: trusted sources" -j HARDENCTL-TRUSTED
[1:1] -A HARDENCTL-TRUSTED -p tcp -m tcp --dport 80 -m comment --comment "services.http" -j ACCEPT
[B:1] -A HARDENCTL-TRUSTED -m comment --comment "access: not for them" -j HARDENCTL-DROP-TRUSTED
COMMIT
`
	q := Question{Bundle: &bundle.Bundle{}}
	if got := q.describe(ruleset.V4, met(counted(t, text, "10"), counted(t, text, "13"), "INPUT")); got != unservedMeans {
		t.Errorf("got %q, want %q", got, unservedMeans)
	}
}

// What another program refuses before ours is named by its jump.
func TestReasonOfOthers(t *testing.T) {
	const text = "*filter\n:INPUT DROP [0:0]\n:HARDENCTL-INPUT - [0:0]\n:f2b-sshd - [0:0]\n[B:1] -A INPUT -p tcp -j f2b-sshd\n" +
		"[1:1] -A INPUT -j HARDENCTL-INPUT\n[B:1] -A f2b-sshd -s 192.0.2.9/32 -j DROP\nCOMMIT\n"
	q := Question{Bundle: &bundle.Bundle{}}
	const want = "filter INPUT, rule 1, of another program: -p tcp -j f2b-sshd"
	if got := q.describe(ruleset.V4, met(counted(t, text, "10"), counted(t, text, "13"), "INPUT")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What refuses is the last rule that says something of the profile, with the
// place of the rule that led there.
func TestReason(t *testing.T) {
	q := Question{Bundle: &bundle.Bundle{Manifest: bundle.Manifest{Rules: []bundle.RuleEntry{
		{Family: 4, Table: "filter", Chain: "HARDENCTL-INPUT", Number: 2, Origin: bundle.Origin{Part: "services.ssh", File: "web.toml", Line: 9}},
	}}}}
	way := met(counted(t, refusing, "10"), counted(t, refusing, "13"), "INPUT")
	if got, want := q.describe(ruleset.V4, way), "services.ssh: new per source; web.toml:9"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := q.describe(ruleset.V4, met(counted(t, refusing, "10"), counted(t, refusing, "12"), "INPUT")); got != "" {
		t.Errorf("of packets that are not ours it says %q", got)
	}
}
