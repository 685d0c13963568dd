package attack

import (
	"testing"
)

func TestReadGuess(t *testing.T) {
	for report, want := range map[string]string{
		`<nmaprun><host><os><osmatch name="Linux 5.3 - 5.4" accuracy="96"/><osmatch name="Linux 2.6" accuracy="90"/></os></host></nmaprun>`: "Linux 5.3 - 5.4 (96 %)",
		`<nmaprun><host><os></os></host></nmaprun>`: "no match",
	} {
		if got, err := readGuess([]byte(report)); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := readGuess([]byte("no XML")); err == nil {
		t.Error("text that is not a report was read")
	}
}

// An answer of any kind gives a host away.
func TestReadDiscovery(t *testing.T) {
	for report, want := range map[string]string{
		`<nmaprun><host><status state="up" reason="syn-ack"/></host></nmaprun>`:       "syn-ack",
		`<nmaprun><host><status state="down" reason="no-response"/></host></nmaprun>`: "",
		`<nmaprun><runstats/></nmaprun>`:                                              "",
	} {
		if got, err := readDiscovery([]byte(report)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", report, got, err, want)
		}
	}
	if _, err := readDiscovery([]byte("no XML")); err == nil {
		t.Error("text that is not a report was read")
	}
}
