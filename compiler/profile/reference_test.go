package profile

import (
	"flag"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/profiles"
)

var update = flag.Bool("update", false, "write the tables of docs/profile-reference.md instead of comparing them")

// purposes say what each key is for; that of a table is the text above its keys.
var purposes = map[string]string{
	"version":     "The version of the language. Required in the profile itself.",
	"include":     "The profiles that this one is laid over; later ones over earlier ones.",
	"description": "One line for people. `hardenctl profiles` prints those of the built-in profiles.",

	"policy":         "What happens to packets that no rule accepts.",
	"policy.input":   "What happens to a packet to this host that no rule accepts: no answer, or a refusal.",
	"policy.forward": "What happens in FORWARD: left unmanaged, dropped, or open only for published ports that a service states.",
	"policy.inside":  "The interfaces on which connections through this host may begin; `br-+` stands for all names that begin with `br-`. Needs `forward = \"published\"`. Without it: all interfaces.",
	"policy.ipv6":    "With `false`, IPv6 is still filtered, and nothing is open there.",
	"policy.dhcp":    "Accept the answers of DHCP servers.",
	"policy.before":  "Chains of other programs (`\"f2b-*\"`: all that begin with `f2b-`). Jumps to them may come before those to hardenctl's chains: an apply moves neither. They decide first then, and are not limited by the profile.",
	"policy.search":  "Accept answers to this host's own searches by multicast or broadcast (SSDP, mDNS, LLMNR).",

	"zones.NAME.description":    "One line for people, beside the rules of its trust in plans and answers, and in `manifest.json`.",
	"zones.NAME.expires":        "The last day for which the zone is meant. `check` warns a month before and fails after it with `--strict`; no rule changes by itself.",
	"sets.NAME.description":     "One line for people, kept in `manifest.json`; `check` says it with `expires`.",
	"sets.NAME.expires":         "The last day for which the set is meant. `check` warns a month before and fails after it with `--strict`; no rule changes by itself.",
	"services.NAME.description": "One line for people, beside its rules in plans and answers, and in `manifest.json`.",
	"services.NAME.expires":     "The last day for which the service is meant. `check` warns a month before and fails after it with `--strict`; no rule changes by itself.",
	"knocks.NAME.description":   "One line for people, beside its rules in plans and answers, and in `manifest.json`.",
	"knocks.NAME.expires":       "The last day for which the knock is meant. `check` warns a month before and fails after it with `--strict`; no rule changes by itself.",

	"zones":                 "Parts of the network, by the interfaces of this host by which their packets come in. An interface need not exist yet.",
	"zones.NAME.interfaces": "The interfaces of the zone, each in one zone only; `br-+` stands for all names that begin with `br-`. Required.",
	"zones.NAME.trust":      "Packets from the zone that reach every port and protocol of this host, past limits, bans and blocklists: `\"all\"`, or those of these sources. Without it: none.",

	"sets":                     "Named collections of addresses, IPv4 and IPv6 together. Use one as `@NAME`.",
	"sets.NAME.zone":           "The set counts only for packets that come in by the interfaces of this zone. It is for `from` of services and `trust` of the zone. Without it: every interface.",
	"sets.NAME.addresses":      "The addresses and prefixes of the set.",
	"sets.NAME.files":          "Lists of addresses: text, or the JSON of the search engines. Paths are relative to the file that names them.",
	"sets.NAME.min_entries":    "Fewer entries are an error: a download has failed.",
	"sets.NAME.maximum_shrink": "To lose more than this part of its entries from one apply to the next is an error.",

	"access":                 "Who is always let in, never banned, or refused.",
	"access.admin":           "Sources that reach services marked `admin`, and are never limited, banned or blocked.",
	"access.exempt":          "Sources that are never limited or banned. They gain no access by it.",
	"access.admin_untracked": "With `true`, conntrack does not see the TCP connections of `admin` to services marked `admin`, so that they begin while its table is full. `docs/security.md` says what it costs.",
	"access.block":           "Sources whose new connections are refused, even if `from` lists them. `admin` and `exempt` win.",

	"services":                             "What is open, one table for each service.",
	"services.NAME.ports":                  "The ports of the service. Required without `protocols`.",
	"services.NAME.protocols":              "Protocols beside those with ports, open as a whole.",
	"services.NAME.groups":                 "Open only for packets to these multicast groups, or to a broadcast address.",
	"services.NAME.from":                   "The sources that may connect. Without it: every source.",
	"services.NAME.zones":                  "Open only for packets that come in by the interfaces of these zones; by any other, its ports are closed. Without it: every interface.",
	"services.NAME.admin":                  "`admin` addresses reach this service, and an apply proves that they do.",
	"services.NAME.knock":                  "Sources that `from` does not list need this knock first.",
	"services.NAME.new_per_source":         "How many new connections one source may open.",
	"services.NAME.connections_per_source": "How many connections one source may have open at once.",
	"services.NAME.synproxy":               "The kernel answers SYNs itself until a client has proved its address.",

	"knocks":               "Sequences of ports that open a service to the source that sends them. At most 16.",
	"knocks.NAME.sequence": "Single ports, in order, no two neighbours alike. Required.",
	"knocks.NAME.step":     "The longest time between two knocks.",
	"knocks.NAME.open":     "How long the service stays open for new connections after the last knock.",

	"scan":               "What counts as a probe, and what a ban does. A probe is a new TCP or UDP packet to a port that no service answers.",
	"scan.probes":        "How many probes a source has free within `window`; the next one bans it. Without it no source is banned.",
	"scan.window":        "The time that begins with the first probe of a source.",
	"scan.slow":          "A second, longer window, for patient scanners.",
	"scan.slow.probes":   "How many probes are free within the longer window. Required in this table.",
	"scan.slow.window":   "The longer window. Required in this table.",
	"scan.tripwires":     "Ports of which one packet bans its source.",
	"scan.ban":           "How long a ban lasts after the last probe.",
	"scan.ban_repeat":    "How long the ban of a source lasts that was banned within the last week. Without it: 24 times `ban`.",
	"scan.keep_bans":     "Bans survive a reboot, with the time that is left.",
	"scan.proven":        "How long a source that has completed a connection keeps its services while banned, at a low rate. Without it, or with `\"0s\"`: no source does.",
	"scan.scope":         "What a ban takes from a source: everything, or all but the services that are stated.",
	"scan.engine":        "The means by which the kernel counts probes. `builtin:base` compares them.",
	"scan.stealth":       "Segments that no TCP stack sends (NULL, XMAS, FIN, SYN+FIN, …) are probes; only a plain SYN opens a connection.",
	"scan.fingerprint":   "SYNs that no computer and no phone sends are probes.",
	"scan.dont_fragment": "SYNs that copy a system but lack its flag \"don't fragment\" are probes.",

	"icmp":                 "Answers to ping.",
	"icmp.echo_per_source": "How many echo requests of one source are answered. Without it: none.",
	"icmp.echo_from":       "Sources whose echo requests are answered without a limit. `admin` and `exempt` addresses are too, where this or a limit is stated.",
	"icmp.echo_replies":    "With `false`, a layer removes the limit of another: no echo request is answered.",

	"udp":                    "Limits for every UDP service that states none itself.",
	"udp.new_per_source":     "How many new flows one source may begin.",
	"udp.packets_per_source": "How many packets one source may send, in open flows too. A low limit breaks QUIC.",

	"log":                  "What is refused reaches the kernel log.",
	"log.prefix":           "How each line begins; the reason follows.",
	"log.rate":             "How many lines all sources together write, for each reason.",
	"log.lines_per_source": "How many lines one source writes, so that one does not hide the others.",

	"fail2ban":         "A filter, a jail and an action for fail2ban, which reads the lines of `[log]`.",
	"fail2ban.enabled": "With `false`, as if no layer had stated this table.",
	"fail2ban.retries": "How many lines of a source within `window` put it into jail.",
	"fail2ban.window":  "The time within which lines are counted.",
	"fail2ban.ban":     "How long a source stays in jail.",
	"fail2ban.scope":   "What a jail takes from a source, as in `[scan]`. Without it: everything, and for hardenctl's own jail what `[scan]` says.",
	"fail2ban.log":     "Where fail2ban reads the kernel's lines.",

	"kernel":                       "Kernel settings. A key that is not stated leaves its setting alone.",
	"kernel.accept_redirects":      "Accept ICMP redirects, IPv4 and IPv6.",
	"kernel.accept_source_route":   "Accept packets whose sender chose their path, IPv4 and IPv6.",
	"kernel.arp_ignore":            "Answer ARP only for addresses of the interface that was asked.",
	"kernel.conntrack_hashsize":    "The buckets of conntrack's table, 8 bytes each.",
	"kernel.conntrack_max":         "How many connections are tracked; one takes about 320 bytes.",
	"kernel.conntrack_time_wait":   "How long a closed connection stays in conntrack's table.",
	"kernel.conntrack_udp_stream":  "How long a UDP flow with answers stays in conntrack's table.",
	"kernel.default_ttl":           "The TTL of what this host sends by IPv4.",
	"kernel.forwarding":            "Forward packets between interfaces: this host is a router.",
	"kernel.ignore_bogus_errors":   "Do not log ICMP errors that answer broadcasts.",
	"kernel.ignore_broadcast_echo": "Do not answer pings to a broadcast address.",
	"kernel.log_martians":          "Log packets with impossible addresses, past the limit of `[log] rate`.",
	"kernel.rfc1337":               "Ignore a RST that hits a connection in TIME-WAIT.",
	"kernel.rp_filter":             "Drop an IPv4 packet whose source has no route back: `loose` by any interface, `strict` by the same one.",
	"kernel.secure_redirects":      "Accept ICMP redirects from a default gateway.",
	"kernel.send_redirects":        "Send ICMP redirects by IPv4.",
	"kernel.syncookies":            "Answer with SYN cookies when the SYN queue is full.",

	"nics":             "What a network interface does for the processor. NAME is one that `ip link` shows; put one with a dot in quotes: `[nics.\"eth0.100\"]`.",
	"nics.NAME.gro":    "Generic receive offload.",
	"nics.NAME.gso":    "Generic segmentation offload.",
	"nics.NAME.tso":    "TCP segmentation offload.",
	"nics.NAME.lro":    "Large receive offload.",
	"nics.NAME.queues": "How many combined channels the interface uses.",
}

// TestReference holds docs/profile-reference.md to the decoder and to builtin:base.
// With -update it writes the tables of the page.
func TestReference(t *testing.T) {
	base := baseProfile(t)
	unused := map[string]bool{}
	for path := range purposes {
		unused[path] = true
	}
	rows, order := map[string][]string{}, []string{""}
	for _, key := range Keys() {
		table, name := splitPath(key.Path)
		if name == enabledKey && key.Path != "fail2ban.enabled" {
			continue
		}
		delete(unused, key.Path)
		if purposes[key.Path] == "" {
			t.Errorf("%s: say in purposes what it is for", key.Path)
		}
		if key.Table {
			continue
		}
		if _, known := rows[table]; !known && table != "" {
			order = append(order, table)
		}
		rows[table] = append(rows[table], fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n",
			name, cell(key.Form), code(key.Default), code(stated(base, key.Path)), cell(purposes[key.Path])))
	}
	for path := range unused {
		t.Errorf("%s: a purpose of a key that the decoder does not know", path)
	}
	var page strings.Builder
	for _, table := range order {
		if table != "" {
			fmt.Fprintf(&page, "## [%s]\n\n%s\n\n", table, purposes[strings.TrimSuffix(table, ".NAME")])
		}
		page.WriteString("| key | value | default | `builtin:base` | what it is for |\n| --- | --- | --- | --- | --- |\n" + strings.Join(rows[table], "") + "\n")
	}
	pages.Generated(t, "docs/profile-reference.md", "keys", page.String(), *update)
}

// TestKeys holds that every table has keys, and that a key is there once.
func TestKeys(t *testing.T) {
	keys, seen := Keys(), map[string]bool{}
	for _, key := range keys {
		if seen[key.Path] {
			t.Errorf("%s is there twice", key.Path)
		}
		seen[key.Path] = true
		if key.Form == "" {
			t.Errorf("%s: nothing says what its value must be", key.Path)
		}
	}
	for _, key := range keys {
		prefix, found := key.Path+".", false
		for path := range seen {
			found = found || strings.HasPrefix(path, prefix)
		}
		if key.Table != found {
			t.Errorf("%s: a table: %v, with keys: %v", key.Path, key.Table, found)
		}
	}
}

// splitPath returns the table of a key, and its name there.
func splitPath(path string) (table, name string) {
	at := strings.LastIndexByte(path, '.')
	return path[:max(0, at)], path[at+1:]
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// code writes a value as a profile would state it, and nothing for none.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + cell(text) + "`"
}

// baseProfile is what builtin:base states.
func baseProfile(t *testing.T) map[string]any {
	t.Helper()
	text, err := fs.ReadFile(profiles.FS(), "base.toml")
	if err != nil {
		t.Fatal(err)
	}
	var base map[string]any
	if err := toml.Unmarshal(text, &base); err != nil {
		t.Fatal(err)
	}
	return base
}

// stated returns what a profile states at a path, "" for nothing.
func stated(table map[string]any, path string) string {
	name, rest, deeper := strings.Cut(path, ".")
	switch value := table[name].(type) {
	case nil:
		return ""
	case map[string]any:
		if deeper {
			return stated(value, rest)
		}
		return ""
	case string:
		return quote(value)
	default:
		return fmt.Sprint(value)
	}
}
