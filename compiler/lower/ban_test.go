package lower_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestBans shows how a ban begins, goes on and grows.
func TestBans(t *testing.T) {
	const scan = `scan = { probes = 10, ban = "1h", ban_repeat = "1d" }`
	run(t, []example{
		{"it begins: longer after a strike", scan, ruleset.V4, "BAN", `
			-m set --match-set hardenctl-strike-v4 src -m limit --limit 545/hour --limit-burst 3584 -j HARDENCTL-REPEAT
			-m set ! --match-set hardenctl-ban-v4 src -m limit --limit 27/sec --limit-burst 10000 -j SET --add-set hardenctl-ban-v4 src --exist
			-m set ! --match-set hardenctl-ban-v4 src -j DROP
			-m limit --limit 10/min --limit-burst 10000 -j SET --add-set hardenctl-strike-v4 src --exist
			-j DROP`},
		{"it goes on, ten times in its time for each source", scan, ruleset.V6, "RENEW", `
			-m limit --limit 1000/sec --limit-burst 1000 -m hashlimit --hashlimit-upto 10/hour --hashlimit-burst 3 … --hashlimit-htable-expire 1080000 --hashlimit-srcmask 64 -j HARDENCTL-RENEWED
			-j DROP`},
		{"as long as it was", scan, ruleset.V6, "RENEWED", `
			-m set --match-set hardenctl-repeat-v6 src -m limit --limit 545/hour --limit-burst 3584 -j HARDENCTL-REPEAT
			-m set ! --match-set hardenctl-repeat-v6 src -m limit --limit 13/sec --limit-burst 7168 -j SET --add-set hardenctl-ban-v6 src --exist`},
		{"the long one", scan, ruleset.V4, "REPEAT", `
			-j SET --add-set hardenctl-repeat-v4 src --exist
			-j SET --add-set hardenctl-ban-v4 src --exist --timeout 86400`},
		{"24 times as long where nothing is said", `scan = { probes = 10, ban = "2h" }`, ruleset.V4, "REPEAT", `
			-j SET --add-set hardenctl-repeat-v4 src --exist
			-j SET --add-set hardenctl-ban-v4 src --exist --timeout 172800`},
		{"it does not grow", `scan = { probes = 10, ban = "1h", ban_repeat = "1h" }`, ruleset.V4, "BAN", `
			-m set ! --match-set hardenctl-ban-v4 src -m limit --limit 27/sec --limit-burst 10000 -j SET --add-set hardenctl-ban-v4 src --exist
			-m set ! --match-set hardenctl-ban-v4 src -j DROP
			-j DROP`},
		{"nor when it goes on", `scan = { probes = 10, ban = "1h", ban_repeat = "1h" }`, ruleset.V4, "RENEWED", `
			-m limit --limit 13/sec --limit-burst 7168 -j SET --add-set hardenctl-ban-v4 src --exist`},
		{"no source is banned", `scan.stealth = true`, ruleset.V4, "BANNED", ``},
	})
}

// TestBanned shows what a banned source meets: only probes renew its ban, and
// if it is proven it keeps the services that it may use.
func TestBanned(t *testing.T) {
	const services = "services.web.ports = [\"tcp/80\"]\nservices.ssh = { ports = [\"tcp/22\"], from = [\"192.0.2.7\"] }\n"
	const noise = `
		-m addrtype --dst-type BROADCAST,MULTICAST -j DROP`
	run(t, []example{
		{"everything", services + `scan = { probes = 10, scope = "everything" }`, ruleset.V4, "BANNED", noise + `
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j DROP
			-p tcp -m tcp --dport 80 -j DROP
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
		{"services come before", services + `scan = { probes = 10, scope = "hidden" }`, ruleset.V4, "BANNED", noise + `
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
		{"proven", services + `scan = { probes = 10, scope = "everything", proven = "1d" }`, ruleset.V4, "BANNED", noise + `
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -m set --match-set hardenctl-proven-v4 src -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 50 … --hashlimit-htable-expire 10000 -j RETURN
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j DROP
			-p tcp -m tcp --dport 80 -m set --match-set hardenctl-proven-v4 src -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 50 … --hashlimit-htable-expire 10000 -j RETURN
			-p tcp -m tcp --dport 80 -j DROP
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
		{"nothing to keep", `services.web.ports = ["tcp/80"]
			scan = { probes = 10, scope = "hidden", proven = "1d" }`, ruleset.V4, "BANNED", noise + `
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
		{"IPv6 is closed", services + `scan = { probes = 10, scope = "everything", proven = "1d" }` + "\npolicy.ipv6 = false", ruleset.V6, "BANNED", `
			-m addrtype --dst-type MULTICAST -j DROP
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
	})
}

// TestBanMemory shows how long each set remembers: a source's ports for the
// window, and a moment more, a ban for a week from its end.
func TestBanMemory(t *testing.T) {
	rs := lowered(t, `services.web.ports = ["tcp/80"]
		scan = { probes = 10, window = "1h", slow = { probes = 30, window = "1d" }, ban = "1h", ban_repeat = "1d", proven = "3d" }`)
	const hour, day = time.Hour, 24 * time.Hour
	want := map[string]time.Duration{"seen": hour + time.Second, "seen-slow": day + time.Second, "seen-rush": 31 * time.Second, "rush": 30 * time.Second,
		"ban": hour, "strike": hour + 7*day, "repeat": 8 * day, "proven": 3 * day}
	for name, timeout := range want {
		for _, family := range []string{"-v4", "-v6"} {
			if got := set(t, rs, "hardenctl-"+name+family); got.Timeout != timeout || !got.Dynamic {
				t.Errorf("%s remembers for %v, want %v", got.Name, got.Timeout, timeout)
			}
		}
	}
	for _, s := range rs.Sets {
		if s.ForceAdd && !strings.HasPrefix(s.Name, "hardenctl-callers-") {
			t.Errorf("a full %s forgets an old entry for a new one", s.Name)
		}
	}
}

func set(t *testing.T, rs *ruleset.Ruleset, name string) ruleset.Set {
	t.Helper()
	for _, s := range rs.Sets {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no set %s", name)
	return ruleset.Set{}
}

// TestFingerprint shows which SYNs are probes, whatever their port.
func TestFingerprint(t *testing.T) {
	const (
		may       = `-m bpf --bytecode "4,40 0 0 6,69 1 0 16384,6 0 0 1,6 0 0 0"`
		options   = `-m bpf --bytecode "4,48 0 0 0,37 0 1 69,6 0 0 1,6 0 0 0" -j HARDENCTL-PROBE`
		extended  = `-p tcp -m bpf --bytecode "4,48 0 0 6,21 1 0 6,6 0 0 1,6 0 0 0" -j HARDENCTL-PROBE`
		window4   = `-p tcp -m bpf --bytecode "5,177 0 0 0,72 0 0 14,37 1 0 1025,6 0 0 1,6 0 0 0" -j HARDENCTL-PROBE`
		window6   = `-p tcp -m bpf --bytecode "6,48 0 0 6,21 0 3 6,40 0 0 54,37 1 0 1025,6 0 0 1,6 0 0 0" -j HARDENCTL-PROBE`
		noSize    = `-p tcp -m tcp ! --tcp-option 2 -j HARDENCTL-PROBE`
		noOthers  = `-m tcp ! --tcp-option 4 -m tcp ! --tcp-option 8 -m tcp ! --tcp-option 3 -j HARDENCTL-PROBE`
		likeZMap4 = `-m bpf --bytecode "8,177 0 0 0,72 0 0 14,21 0 4 65535,177 0 0 0,64 0 0 20,21 0 1 33818036,6 0 0 1,6 0 0 0" -j HARDENCTL-PROBE`
		likeZMap6 = `-m bpf --bytecode "8,48 0 0 6,21 0 5 6,40 0 0 54,21 0 3 65535,32 0 0 60,21 0 1 33818036,6 0 0 1,6 0 0 0" -j HARDENCTL-PROBE`
	)
	rules := func(lines ...string) string { return strings.Join(lines, "\n") }
	run(t, []example{
		{"IPv4", "scan = { probes = 10, fingerprint = true }", ruleset.V4, "FINGERPRINT",
			rules(options, window4, noSize, "-p tcp "+noOthers)},
		{"IPv6", "scan = { probes = 10, fingerprint = true }", ruleset.V6, "FINGERPRINT",
			rules(extended, window6, noSize, "-p tcp "+noOthers)},
		{"IPv4, ZMap", "scan = { probes = 10, dont_fragment = true }", ruleset.V4, "FINGERPRINT",
			"-p tcp " + may + " " + likeZMap4},
		{"IPv6, ZMap", "scan = { probes = 10, dont_fragment = true }", ruleset.V6, "FINGERPRINT",
			"-p tcp " + likeZMap6},
		{"IPv4, both", "scan = { probes = 10, fingerprint = true, dont_fragment = true }", ruleset.V4, "FINGERPRINT",
			rules(options, window4, noSize, "-p tcp "+may+" "+noOthers, "-p tcp "+may+" "+likeZMap4)},
		{"IPv6, both", "scan = { probes = 10, fingerprint = true, dont_fragment = true }", ruleset.V6, "FINGERPRINT",
			rules(extended, window6, noSize, "-p tcp "+noOthers, "-p tcp "+likeZMap6)},
		{"not asked for", "scan.probes = 10", ruleset.V4, "FINGERPRINT", ``},
	})
}

// What is remembered of sources outlives a reboot if the profile says so: bans,
// strikes and proof, but not the ports that a source has tried.
func TestKeptSets(t *testing.T) {
	const bans = "services.web.ports = [\"tcp/80\"]\nscan.probes = 10\nscan.proven = \"7d\"\n"
	kept := func(text string) string {
		return strings.Join(strings.Fields(string(emit.KeptSets(lowered(t, text).Sets))), " ")
	}
	if got := kept(bans); got != "" {
		t.Errorf("kept without being asked for: %s", got)
	}
	want := "hardenctl-ban-v4 hardenctl-ban-v6 hardenctl-proven-v4 hardenctl-proven-v6 hardenctl-repeat-v4 hardenctl-repeat-v6 hardenctl-strike-v4 hardenctl-strike-v6"
	if got := kept(bans + "scan.keep_bans = true\n"); got != want {
		t.Errorf("kept %s\nwant %s", got, want)
	}
}

// TestProvenNetworks shows how an IPv6 network is kept from filling the set of proven
// sources: those that are proven stay, and of new ones each may bring so many.
func TestProvenNetworks(t *testing.T) {
	run(t, []example{{"IPv6", `services.web.ports = ["tcp/80"]
		scan = { probes = 10, proven = "7d" }`, ruleset.V6, "PROVEN", `
		-m set --match-set hardenctl-proven-v6 src -j SET --add-set hardenctl-proven-v6 src --exist
		-m set --match-set hardenctl-proven-v6 src -j RETURN
		-m set --match-set hardenctl-proven-29-v6 src --packets-gt 32768 -j RETURN
		-m set ! --match-set hardenctl-proven-29-v6 src ! --update-counters -j SET --add-set hardenctl-proven-29-v6 src --exist
		-m set --match-set hardenctl-proven-48-v6 src --packets-gt 4096 -j RETURN
		-m set ! --match-set hardenctl-proven-48-v6 src ! --update-counters -j SET --add-set hardenctl-proven-48-v6 src --exist
		-j SET --add-set hardenctl-proven-v6 src --exist`}})
}
