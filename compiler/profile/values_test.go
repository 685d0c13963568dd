package profile

import (
	"testing"
	"time"
)

func TestParsePort(t *testing.T) {
	for text, want := range map[string]Port{
		"tcp/1":           {Protocol: TCP, First: 1, Last: 1},
		"udp/60000-65535": {Protocol: UDP, First: 60000, Last: 65535},
		"tcp/7-7":         {Protocol: TCP, First: 7, Last: 7},
	} {
		if got, flaw := parsePort(text, TCP, UDP); flaw != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, flaw)
		}
	}
	const other = `write protocol and number, such as "tcp/443", or a range, such as "udp/60000-61000"`
	for text, suggestion := range map[string]string{
		"443":       `write "tcp/443" or "udp/443"`,
		"tcp/9-8":   `write "tcp/8-9"`,
		"tcp/65536": other,
		"https":     other,
		"tcp/+1":    other,
		"tcp/1-2-3": other,
		"TCP/1":     `write "tcp/1"`,
		"80/tcp":    `write "tcp/80"`,
		"80-90/Udp": `write "udp/80-90"`,
		"tcp:80":    `write "tcp/80"`,
		"tcp/80:90": `write "tcp/80-90"`,
		"TCP 90-80": other,
		"tcp/80,81": `write "tcp/80", "tcp/81"`,
		"any/53":    `write "tcp/53", "udp/53"`,
		"icmp/8":    other,
	} {
		if _, flaw := parsePort(text, TCP, UDP); flaw == nil || flaw.Suggestion != suggestion {
			t.Errorf("%q: got %+v, want the suggestion %q", text, flaw, suggestion)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60s": time.Minute, "1h": time.Hour, "1d": 24 * time.Hour, "1h30m": 90 * time.Minute,
		"1d2h3m4s": 26*time.Hour + 3*time.Minute + 4*time.Second, "0s": 0, "1000000000s": 1e9 * time.Second,
	} {
		if got, flaw := parseDuration(text); flaw != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, flaw)
		}
	}
	for _, text := range []string{"", "60", "s", "1.5h", "-1s", "1m1h", "1 h", "01s", "1ms", "1s1s", "1000000000d", "9999999999s"} {
		if got, flaw := parseDuration(text); flaw == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"50/second burst 200": {50, time.Second, 200},
		"5/minute":            {5, time.Minute, 5},
		"1/s":                 {1, time.Second, 5},
		"10000/day burst 1":   {10000, 24 * time.Hour, 1},
	} {
		if got, flaw := parseRate(text); flaw != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, flaw)
		}
	}
	for _, text := range []string{
		"", "5", "5/", "/s", "0/s", "10001/s", "5/s burst", "5/s burst 0", "5/s burst 10001", "5/s boost 3", "5/week",
		"-5/s", "5/s burst 3 x", "5 /s", "18446744073709551616/s",
	} {
		if got, flaw := parseRate(text); flaw == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestParseQuota(t *testing.T) {
	for text, want := range map[string]Quota{
		"10 in 60s": {10, time.Minute}, "255 in 1d": {255, 24 * time.Hour}, "1 in 1s": {1, time.Second},
	} {
		if got, flaw := parseQuota(text); flaw != nil || got != want || !isQuota(text) {
			t.Errorf("%q: got %v, %v", text, got, flaw)
		}
	}
	for _, text := range []string{"10 in", "0 in 1s", "256 in 1s", "1 in 0s", "1 in 1d1s", "1 in 60", "x in 1s"} {
		if got, flaw := parseQuota(text); flaw == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"admin", "from", "ports", "new_per_source"}
	for word, want := range map[string]string{
		"admn": "admin", "form": "from", "port": "ports", "new_per_sauce": "new_per_source",
		"x": "", "protocols": "", "": "",
	} {
		if got, _ := nearest(word, keys); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// TestSuggestions shows what a person is told to write instead.
func TestSuggestions(t *testing.T) {
	for text, want := range map[string]string{
		"[service.a]":                         `did you mean "services"?`,
		"[kernel]\nsyncookie = true":          `did you mean "syncookies"?`,
		"policy.input = \"drp\"":              `did you mean "drop"?`,
		"policy.ipv6 = \"true\"":              "write true without quotes",
		"scan.probes = \"10\"":                "write 10 without quotes",
		"services.a.ports = \"tcp/443\"":      `write it in brackets: ["tcp/443"]`,
		"scan.ban = \"3600\"\nscan.probes=1":  `write "3600s" for seconds`,
		"access.admin = [\"@office\"]":        "state it as [sets.office]",
		"sets.a.addresses = [\"10.1.2.3/8\"]": "write 10.0.0.0/8 for the whole prefix, or 10.1.2.3 for the one address",
		"":                                    "begin the profile with version = 1",
	} {
		if text != "" {
			text += "\nversion = 1"
			if text[0] == '[' {
				text = "version = 1\n" + text[:len(text)-len("\nversion = 1")]
			}
		}
		_, diags := Read("a.toml", folders(map[string]string{"a.toml": text}))
		if len(diags) == 0 || diags[0].Suggestion != want {
			t.Errorf("%q: got %+v, want the suggestion %q", text, diags, want)
		}
	}
}
