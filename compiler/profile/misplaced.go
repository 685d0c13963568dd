package profile

import "fmt"

// homes are the tables of keys that users write into another one,
// such as an `admin` above the first header. A key that may be in several
// tables is not here; "" is the beginning of the file, above all tables.
var homes = map[string]string{
	"version": "", "include": "", "description": "",
	"admin": "access", "exempt": "access", "block": "access",
	"input": "policy", "forward": "policy", "inside": "policy",
	"ipv6": "policy", "dhcp": "policy", "search": "policy", "before": "policy",
	"ports": "services.NAME", "from": "services.NAME", "knock": "services.NAME",
	"synproxy": "services.NAME", "connections_per_source": "services.NAME",
	"addresses": "sets.NAME", "files": "sets.NAME",
	"min_entries": "sets.NAME", "zone": "sets.NAME", "maximum_shrink": "sets.NAME",
	"sequence": "knocks.NAME", "interfaces": "zones.NAME", "trust": "zones.NAME",
	"probes": "scan", "tripwires": "scan", "ban_repeat": "scan", "keep_bans": "scan",
	"proven": "scan", "engine": "scan", "stealth": "scan", "slow": "scan",
	"fingerprint": "scan", "dont_fragment": "scan",
	"prefix": "log", "rate": "log", "lines_per_source": "log",
	"echo_per_source": "icmp", "echo_replies": "icmp",
	"retries": "fail2ban",
}

// misplaced says where a key belongs that its table does not know; nothing for a
// key that no table knows.
func misplaced(key string) string {
	switch home, ok := homes[key]; {
	case !ok:
		return ""
	case home == "":
		return fmt.Sprintf("%s belongs at the beginning of the file, above the first [table]", key)
	default:
		return fmt.Sprintf("%s is a key of [%s]: state it below that line", key, home)
	}
}
