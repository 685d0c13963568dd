package main

import (
	"strings"
	"testing"
)

// A page that the lab would take with it is refused before anything is done.
func TestOutlives(t *testing.T) {
	t.Chdir("/")
	for file, kept := range map[string]bool{
		"": true, "report.html": true, "/tmp/report.html": true, "/home/etc/report.html": true,
		"/etc/report.html": false, "/run/user/0/report.html": false, "var/lib/report.html": false, "/tmp/../run/r.html": false,
	} {
		err := outlives(file)
		if (err == nil) != kept {
			t.Errorf("--html %q: %v", file, err)
		}
		if err != nil && !strings.Contains(err.Error(), "name one elsewhere") {
			t.Errorf("--html %q does not say what to do: %v", file, err)
		}
	}
}
