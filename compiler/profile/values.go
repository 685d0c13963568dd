package profile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parsePort reads "tcp/443" or "udp/60000-61000", of one of these protocols.
func parsePort(text string, of ...Protocol) (Port, *flaw) {
	port, wrong := readPort(text)
	if wrong != "" {
		return Port{}, badPort(text, wrong, meantPort(text))
	}
	if !slices.Contains(of, port.Protocol) {
		return Port{}, badPort(text, "cannot be here: the protocol is tcp or udp", "")
	}
	return port, nil
}

// readPort reads a port, or says what is wrong with it.
func readPort(text string) (port Port, wrong string) {
	protocol, ports, found := strings.Cut(text, "/")
	if _, isNumber := parsePortNumber(text); isNumber {
		return Port{}, "has no protocol"
	}
	if !found {
		return Port{}, "is not a port"
	}
	if !slices.Contains(PortProtocols, Protocol(protocol)) {
		return Port{}, "is not a port: the protocol is tcp, udp, sctp, dccp or udplite"
	}
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	a, okA := parsePortNumber(first)
	b, okB := parsePortNumber(last)
	switch {
	case !okA || !okB:
		return Port{}, "is not a port (1-65535)"
	case a > b:
		return Port{}, "ends before it begins"
	}
	return Port{Protocol: Protocol(protocol), First: a, Last: b}, ""
}

// portForms are how other tools write ports, with what a profile writes instead.
var portForms = []struct {
	form    *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`^([0-9]+)$`), `"tcp/$1" or "udp/$1"`},
	{regexp.MustCompile(`^(?i:(tcp|udp)) *[/: ] *([0-9]+) *[-:] *([0-9]+)$`), `"$1/$2-$3"`},
	{regexp.MustCompile(`^(?i:(tcp|udp)) *[/: ] *([0-9]+)$`), `"$1/$2"`},
	{regexp.MustCompile(`^([0-9]+)/(?i:(tcp|udp))$`), `"$2/$1"`},
	{regexp.MustCompile(`^([0-9]+)[-:]([0-9]+)/(?i:(tcp|udp))$`), `"$3/$1-$2"`},
	{regexp.MustCompile(`^(?i:(tcp|udp))/([0-9]+), *([0-9]+)$`), `"$1/$2", "$1/$3"`},
	{regexp.MustCompile(`^(?i:tcp\+udp|udp\+tcp|any|both|\*)/([0-9]+)$`), `"tcp/$1", "udp/$1"`},
}

// meantPort says what to write instead of a text that is not a port.
func meantPort(text string) string {
	if name, _, _ := strings.Cut(strings.ToLower(text), "/"); ipProtocols[name] != 0 && !slices.Contains(PortProtocols, Protocol(name)) {
		return fmt.Sprintf("%s has no ports: write protocols = [%[1]q]", name)
	}
	if protocol, ports, found := strings.Cut(text, "/"); found {
		first, last, _ := strings.Cut(ports, "-")
		if port := protocol + "/" + last + "-" + first; isPort(port) {
			return fmt.Sprintf("write %q", port)
		}
	}
	for _, f := range portForms {
		m := f.form.FindStringSubmatchIndex(text)
		if m == nil || len(text) > shown {
			continue
		}
		instead := strings.ToLower(string(f.form.ExpandString(nil, f.instead, text, m)))
		if isPort(strings.Split(instead, `"`)[1]) {
			return "write " + instead
		}
	}
	return `write protocol and number, such as "tcp/443", or a range, such as "udp/60000-61000"`
}

func isPort(text string) bool {
	_, wrong := readPort(text)
	return wrong == ""
}

func parsePortNumber(text string) (uint16, bool) {
	n, ok := parseNumber(text, 1, 65535)
	return uint16(n), ok
}

func badPort(text, what, suggestion string) *flaw {
	return &flaw{Code: "bad-port", Message: quote(text) + " " + what, Suggestion: suggestion}
}

// parseNumber reads a decimal number without sign, leading zeros or anything
// else, from low to high.
func parseNumber(text string, low, high uint64) (uint64, bool) {
	if text == "" || len(text) > 1 && text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && low <= n && n <= high
}

// units are the times that durations count in, the longest first.
var units = []struct {
	letter byte
	length time.Duration
}{{'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// parseDuration reads whole numbers of days, hours, minutes and seconds, such
// as "60s", "1h30m" and "1d", the longer unit first.
func parseDuration(text string) (time.Duration, *flaw) {
	var total time.Duration
	rest := text
	for _, unit := range units {
		number, after, found := strings.Cut(rest, string(unit.letter))
		if !found {
			continue
		}
		n, ok := parseNumber(number, 0, 1e9)
		if !ok || time.Duration(n) > (1<<62-total)/unit.length {
			return 0, badDuration(text)
		}
		total, rest = total+time.Duration(n)*unit.length, after
	}
	if text == "" || rest != "" {
		return 0, badDuration(text)
	}
	return total, nil
}

func badDuration(text string) *flaw {
	f := &flaw{
		Code:       "bad-duration",
		Message:    quote(text) + " is not a duration",
		Suggestion: `write whole numbers of d, h, m and s, such as "90s", "1h30m" or "1d"`,
	}
	if _, ok := parseNumber(text, 1, 1e9); ok {
		f.Suggestion = fmt.Sprintf(`write "%ss" for seconds`, text)
	}
	return f
}

// showDuration is the form that parseDuration reads.
func showDuration(d time.Duration) string {
	for _, unit := range units {
		if d >= unit.length && d%unit.length == 0 {
			return fmt.Sprintf("%d%c", d/unit.length, unit.letter)
		}
	}
	return d.String()
}

// The bounds of limits.
const (
	// maxPerSecond bounds a rate and its burst. The kernel's hashlimit counts
	// up to 1,000,000 a second, far more than one source needs.
	maxPerSecond = 10000
	// defaultBurst is iptables' own.
	defaultBurst = 5
	// maxQuota is the most packets that one entry of xt_recent remembers.
	maxQuota  = 255
	maxWindow = 24 * time.Hour
)

// periods are the words for the time that a rate counts over.
var periods = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
}

// words splits text at blanks, and at no other white space: a value is one line.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

// parseRate reads "50/second burst 200"; the burst may be left out.
func parseRate(text string) (Rate, *flaw) {
	fields := words(text)
	if len(fields) != 1 && (len(fields) != 3 || fields[1] != "burst") {
		return Rate{}, badLimit(text)
	}
	count, word, _ := strings.Cut(fields[0], "/")
	n, ok := parseNumber(count, 0, 1<<32)
	per := periods[word]
	if !ok || per == 0 {
		return Rate{}, badLimit(text)
	}
	// Counted at the same number whatever the unit, which also keeps the
	// slowest rates inside the kernel's fixed-point arithmetic.
	if n < 1 || n > maxPerSecond {
		return Rate{}, limitRange(text, "the count", maxPerSecond)
	}
	rate := Rate{Count: uint32(n), Per: per, Burst: defaultBurst}
	if len(fields) == 3 {
		burst, ok := parseNumber(fields[2], 1, maxPerSecond)
		if !ok {
			return Rate{}, limitRange(text, "the burst", maxPerSecond)
		}
		rate.Burst = uint32(burst)
	}
	return rate, nil
}

// parseQuota reads "10 in 60s".
func parseQuota(text string) (Quota, *flaw) {
	fields := words(text)
	if len(fields) != 3 {
		return Quota{}, badLimit(text)
	}
	n, ok := parseNumber(fields[0], 1, maxQuota)
	if !ok {
		return Quota{}, limitRange(text, "the count", maxQuota)
	}
	window, flaw := parseDuration(fields[2])
	if flaw != nil {
		return Quota{}, flaw
	}
	if window < time.Second || window > maxWindow {
		return Quota{}, limitWindow(text)
	}
	return Quota{Count: uint32(n), Window: window}, nil
}

// isQuota tells the two forms of a limit apart.
func isQuota(text string) bool {
	fields := words(text)
	return len(fields) > 1 && fields[1] == "in"
}

// spelledRate is how people say a rate.
var spelledRate = regexp.MustCompile(`^([0-9]{1,5}) *(?:per|an?|/) *(second|minute|hour|day)s?$`)

func badLimit(text string) *flaw {
	f := &flaw{
		Code:       "bad-limit",
		Message:    quote(text) + " is not a limit",
		Suggestion: `write a rate, such as "50/second burst 200" or "5/minute"`,
	}
	if m := spelledRate.FindStringSubmatch(text); m != nil {
		f.Suggestion = fmt.Sprintf("write %q", m[1]+"/"+m[2])
	}
	return f
}

func limitRange(text, what string, most int) *flaw {
	return &flaw{
		Code:    "out-of-range",
		Message: fmt.Sprintf("%s: %s must be from 1 to %d", quote(text), what, most),
	}
}

func limitWindow(text string) *flaw {
	return &flaw{
		Code:    "out-of-range",
		Message: fmt.Sprintf("%s: the time must be from 1s to %s", quote(text), showDuration(maxWindow)),
	}
}
