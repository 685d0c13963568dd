package profile

import (
	"fmt"
	"time"
)

// knob is what one key of [kernel] may say.
type knob struct {
	name      string
	kind      kind // kindBool, kindInteger or kindString
	low, high int64
	seconds   bool     // kindString: a duration, in whole seconds from low to high
	words     []string // by value, for any other kindString
}

// knobs are the keys of [kernel] by name. Ranges are checked here since the
// kernel does not: it takes tcp_syncookies=5 and rp_filter=9.
var knobs = []knob{
	{name: "accept_redirects", kind: kindBool},
	{name: "accept_source_route", kind: kindBool},
	{name: "arp_ignore", kind: kindBool},
	{name: "conntrack_hashsize", kind: kindInteger, low: 256, high: 1 << 22},
	{name: "conntrack_max", kind: kindInteger, low: 1024, high: 1 << 24},
	{name: "conntrack_time_wait", kind: kindString, seconds: true, low: 1, high: 600},
	{name: "conntrack_udp_stream", kind: kindString, seconds: true, low: 1, high: 3600},
	{name: "default_ttl", kind: kindInteger, low: 1, high: 255},
	{name: "forwarding", kind: kindBool},
	{name: "ignore_bogus_errors", kind: kindBool},
	{name: "ignore_broadcast_echo", kind: kindBool},
	{name: "log_martians", kind: kindBool},
	{name: "rfc1337", kind: kindBool},
	{name: "rp_filter", kind: kindString, words: []string{"off", "strict", "loose"}},
	{name: "secure_redirects", kind: kindBool},
	{name: "send_redirects", kind: kindBool},
	{name: "syncookies", kind: kindBool},
}

// kernel reads [kernel]. The knobs come out sorted by name.
func (d *decoder) kernel(n *node) {
	found := map[string]Knob{}
	known := fields{}
	for _, k := range knobs {
		known[k.name] = reader{k.form(), nil, func(n *node) {
			if value, ok := d.knob(k, n); ok {
				found[k.name] = Knob{Name: k.name, Position: n.key, Value: value}
			}
		}}
	}
	d.optional(n, known)
	for _, k := range knobs {
		if stated, ok := found[k.name]; ok {
			d.profile.Kernel = append(d.profile.Kernel, stated)
		}
	}
}

// knob reads the value of one key as a number.
func (d *decoder) knob(k knob, n *node) (value int64, ok bool) {
	value = -1
	switch k.kind {
	case kindBool:
		if !d.want(n, kindBool, "true or false") {
			return 0, false
		}
		if n.scalar.(bool) {
			return 1, true
		}
		return 0, true
	case kindInteger:
		d.integer(&value, k.low, k.high).read(n)
	case kindString:
		if k.seconds {
			length := -time.Second
			d.duration(&length, time.Duration(k.low)*time.Second, time.Duration(k.high)*time.Second).read(n)
			return int64(length / time.Second), length >= 0
		}
		var word string
		choice(d, &word, k.words...).read(n)
		for i, w := range k.words {
			if w == word {
				value = int64(i)
			}
		}
	}
	return value, value >= 0
}

// form says what the value must be.
func (k knob) form() string {
	switch {
	case k.kind == kindBool:
		return "true or false"
	case k.kind == kindInteger:
		return aNumber(k.low, k.high)
	case k.seconds:
		return fmt.Sprintf("a duration from %s to %s", showDuration(time.Duration(k.low)*time.Second), showDuration(time.Duration(k.high)*time.Second))
	}
	return "one of " + list(k.words)
}
