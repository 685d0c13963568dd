package profile

import (
	"net/netip"
	"os"
	"reflect"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// folders makes a Files of texts by name: "builtin:…" names are built in.
func folders(texts map[string]string) Folders {
	root, builtins := fstest.MapFS{}, fstest.MapFS{}
	for name, text := range texts {
		file := &fstest.MapFile{Data: []byte(text)}
		if len(name) > len(builtin) && name[:len(builtin)] == builtin {
			builtins[name[len(builtin):]] = file
			continue
		}
		root[name] = file
	}
	return Folders{Root: root, Builtins: builtins}
}

func prefixes(texts ...string) netset.Set {
	var found []netip.Prefix
	for _, text := range texts {
		found = append(found, netip.MustParsePrefix(text))
	}
	return netset.Of(found...)
}

func TestReadExample(t *testing.T) {
	got, diags := Read("web.toml", Folders{Root: os.DirFS("testdata/web"), Builtins: os.DirFS("testdata/builtins")})
	if diags != nil {
		t.Fatalf("diagnostics: %v", diags)
	}
	at := func(line, column int) diag.Position {
		return diag.Position{File: "web.toml", Line: line, Column: column}
	}
	site := func(line, column int) diag.Position {
		return diag.Position{File: "site/common.toml", Line: line, Column: column}
	}
	want := &Profile{
		Description: "Public web server; SSH for the office",
		Policy:      Policy{Position: at(5, 2), Input: Drop, Forward: Leave, IPv6: true},
		Sets: []Set{
			{Name: "badguys", Position: at(17, 2), Entries: 2, Members: prefixes("203.0.113.1/32", "203.0.113.2/32")},
			{Name: "crawlers", Position: at(13, 2), Entries: 4, Members: prefixes("198.51.100.64/27", "2001:db8:4860::/64", "203.0.113.64/27", "203.0.113.128/27")},
			{Name: "office", Position: at(10, 2), Entries: 2, Members: prefixes("192.0.2.0/24", "2001:db8:10::/48")},
		},
		Access: Access{
			Position: at(20, 2),
			Admin:    []Ref{{Position: at(21, 11), Set: "office"}},
			Exempt:   []Ref{{Position: at(22, 11), Set: "crawlers"}},
			Block: []Ref{
				{Position: at(23, 11), Set: "badguys"},
				{Position: at(23, 23), Prefix: netip.MustParsePrefix("203.0.113.9/32")},
			},
		},
		Services: []Service{{
			Name: "https", Position: at(25, 2),
			Ports: []Port{
				{at(26, 10), TCP, 443, 443}, {at(26, 21), UDP, 443, 443}, {at(26, 32), TCP, 8000, 8010},
			},
			NewPerSource:         Limit{Position: at(27, 18), Rate: Rate{50, time.Second, 200}},
			ConnectionsPerSource: Count{at(28, 26), 200},
		}, {
			Name: "metrics", Position: site(2, 2),
			Ports: []Port{{site(3, 10), TCP, 9100, 9100}},
			From:  []Ref{{Position: site(4, 9), Prefix: netip.MustParsePrefix("198.51.100.7/32")}},
		}, {
			Name: "ssh", Position: at(30, 2),
			Ports:        []Port{{at(31, 10), TCP, 22, 22}},
			Admin:        true,
			From:         []Ref{{Position: at(33, 9), Set: "office"}},
			NewPerSource: Limit{Position: at(34, 18), Quota: Quota{10, time.Minute}},
		}},
		Scan: Scan{
			Position: at(36, 2), Probes: 10, Window: time.Minute, Ban: time.Hour, BanRepeat: 24 * time.Hour,
			Scope: Everything, Engine: Sets, Stealth: true,
		},
		ICMP: ICMP{Position: at(43, 2), EchoPerSource: Limit{Position: at(44, 19), Rate: Rate{1, time.Second, 5}}},
		UDP:  UDPLimits{Position: at(46, 2), NewPerSource: Limit{Position: at(47, 18), Rate: Rate{5, time.Second, 10}}},
		Log:  Log{at(49, 2), "IPTables-Dropped: ", Rate{5, time.Minute, 10}, Rate{1, time.Minute, 3}},
		Kernel: []Knob{
			{"conntrack_hashsize", at(57, 1), 32768},
			{"conntrack_max", at(56, 1), 262144},
			{"default_ttl", at(55, 1), 128},
			{"ignore_broadcast_echo", diag.Position{File: "builtin:base", Line: 5, Column: 1}, 1},
			{"rp_filter", site(11, 1), 1},
			{"syncookies", at(54, 1), 1},
		},
	}
	got.origins = origins{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestReadDefaults shows what a profile says that says nothing.
func TestReadDefaults(t *testing.T) {
	got, diags := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\n"}))
	want := &Profile{
		Policy: Policy{Input: Drop, Forward: Leave, IPv6: true},
		Scan:   Scan{Scope: Everything, Engine: Sets},
	}
	got.origins = origins{}
	if diags != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, diags, want)
	}
}
