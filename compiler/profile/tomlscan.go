package profile

import "time"

// Bounds of [scan].
const (
	maxProbes = 10000
	// maxRecentProbes leaves one of the 255 packets that xt_recent counts for
	// the probe that bans.
	maxRecentProbes = maxQuota - 1
	// maxBan is what ipset takes as a timeout, 2,147,483 s, in whole days.
	maxBan = 24 * 24 * time.Hour
)

// What [scan] is where it is stated in part.
const (
	defaultScanWindow = time.Minute
	defaultBan        = time.Hour
	// repeatFactor is how many times as long a repeated ban lasts.
	repeatFactor = 24
)

func (d *decoder) scan(n *node) {
	s := &d.profile.Scan
	*s = Scan{Position: n.key, Window: defaultScanWindow, Ban: defaultBan, Scope: Everything, Engine: Sets}
	var probes Count
	d.optional(n, fields{
		"probes":        d.count(&probes, 1, maxProbes),
		"window":        d.duration(&s.Window, time.Second, maxWindow),
		"slow":          tableOf(d.slow),
		"tripwires":     d.ports(&s.Tripwires, TCP, UDP),
		"ban":           d.duration(&s.Ban, time.Second, maxBan),
		"ban_repeat":    d.duration(&s.BanRepeat, time.Second, maxBan),
		"keep_bans":     d.boolean(&s.KeepBans),
		"proven":        d.duration(&s.Proven, 0, maxBan),
		"scope":         choice(d, &s.Scope, Everything, Hidden),
		"engine":        choice(d, &s.Engine, Sets, Hashlimit, Recent),
		"stealth":       d.boolean(&s.Stealth),
		"fingerprint":   d.boolean(&s.Fingerprint),
		"dont_fragment": d.boolean(&s.DontFragment),
	})
	s.Probes = probes.N
	if s.BanRepeat == 0 {
		s.BanRepeat = min(repeatFactor*s.Ban, maxBan)
	}
	if n.child("probes") == nil && !n.partial {
		d.scanWithoutProbes(n)
		return
	}
	d.agree(n)
}

// slow reads the second window, of which both numbers must be stated.
func (d *decoder) slow(n *node) {
	var probes Count
	slow := &d.profile.Scan.Slow
	d.table(n, fields{
		"probes": d.count(&probes, 1, maxProbes),
		"window": d.duration(&slow.Window, time.Second, maxWindow),
	})
	slow.Count = probes.N
	for _, key := range []string{"probes", "window"} {
		if n.kind == kindTable && n.child(key) == nil && !n.partial {
			d.add(&flaw{
				Code: "incomplete", Message: "states no " + key,
				Suggestion: `write slow = { probes = 30, window = "1d" }`,
			}, n.key, n.path)
		}
	}
}

// agree checks the numbers of [scan] against one another. One that does nothing
// beside another is not an error: an included profile may state it.
func (d *decoder) agree(n *node) {
	s := &d.profile.Scan
	d.recentCounts(n, s.Probes)
	if s.BanRepeat < s.Ban {
		d.warn("no-effect", n.child("ban_repeat"), "does nothing, since %s is shorter than a first ban, %s",
			showDuration(s.BanRepeat), showDuration(s.Ban))
		s.BanRepeat = s.Ban
	}
	if slow := n.child("slow"); slow != nil {
		d.recentCounts(slow, s.Slow.Count)
		d.slowIsSlower(slow)
	}
}

// slowIsSlower leaves out a slow window that is no longer than the first. Like
// the first it is a day at most, the longest for which hashlimit's buckets have
// room (CREDITS_PER_JIFFY in the kernel's xt_hashlimit.c).
func (d *decoder) slowIsSlower(n *node) {
	s := &d.profile.Scan
	if s.Slow.Window > s.Window {
		return
	}
	if s.Slow.Window > 0 {
		d.warn("no-effect", n.child("window"), "does nothing, since %s is not longer than scan.window, %s",
			showDuration(s.Slow.Window), showDuration(s.Window))
	}
	s.Slow = Quota{}
}

// recentCounts refuses a number of probes that the engine cannot count.
func (d *decoder) recentCounts(n *node, probes uint32) {
	if d.profile.Scan.Engine == Recent && probes > maxRecentProbes {
		d.errorf("out-of-range", n.child("probes"),
			"%d is more than the engine \"recent\" can count, %d", probes, maxRecentProbes)
	}
}

// scanWithoutProbes warns of keys that do nothing, since no source is banned. Those of
// a built-in profile are left over from what the user has removed.
func (d *decoder) scanWithoutProbes(n *node) {
	for _, key := range []string{"window", "slow", "tripwires", "ban", "ban_repeat", "keep_bans", "proven", "scope", "engine"} {
		if c := n.child(key); c != nil && !isBuiltin(c.value.File) {
			d.warn("no-effect", c, "does nothing, since scan.probes is not stated")
		}
	}
	s := d.profile.Scan
	d.profile.Scan = Scan{Position: s.Position, Scope: s.Scope, Engine: s.Engine, Stealth: s.Stealth, Fingerprint: s.Fingerprint, DontFragment: s.DontFragment}
}
