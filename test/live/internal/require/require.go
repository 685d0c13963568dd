// Package require fails a test whose operation failed, or whose text lacks a part.
package require

import (
	"strings"
	"testing"
)

// NoError ends the test if an operation has failed.
func NoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Contains fails the test for every part that a text has not.
func Contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n…%s", part, text[max(0, len(text)-1500):])
		}
	}
}
