package host

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// reading is a host of one file beside a bundle of one file.
func reading(ttl string) *Reading {
	b := bundle.Seal([]bundle.File{{Name: bundle.Sysctl, Text: []byte("net.ipv4.ip_default_ttl = 128\n")}}, bundle.Manifest{Profile: "web.toml"})
	r := &Reading{Bundle: b, Have: state.State{Settings: map[string]state.Setting{"net.ipv4.ip_default_ttl": {Value: ttl}}}}
	r.Plan = plan.Compare(r.Have, r.Want, b.Manifest)
	return r
}

// A saved plan comes back with its bundle, for a host that has not moved.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.plan")
	sources := []generation.Source{{Name: "web.toml", Kind: generation.Profile, Text: []byte("version = 1 # \xff\n")}}
	if err := reading("64").Save(path, sources); err != nil {
		t.Fatal(err)
	}
	s, err := LoadPlan(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.Bundle().File(bundle.Sysctl)); got != "net.ipv4.ip_default_ttl = 128\n" || s.Plan.Profile != "web.toml" {
		t.Errorf("bundle of %q with %q", s.Plan.Profile, got)
	}
	if !reflect.DeepEqual(s.Sources, sources) {
		t.Errorf("the sources are %q", s.Sources)
	}
	if err := s.Match(reading("64")); err != nil {
		t.Errorf("the same host: %v", err)
	}
	if err := s.Match(reading("65")); !errors.Is(err, ErrMoved) {
		t.Errorf("another host: %v", err)
	}
}

// Every byte counts: a plan that is cut off anywhere, or has one character
// changed, is refused and never panics.
func TestLoadPlanRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.plan")
	if err := reading("64").Save(path, nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadPlan(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range whole {
		refuse("cut off", whole[:n])
	}
	for i, c := range whole {
		if c >= 'a' && c <= 'y' || c >= '0' && c <= '8' {
			changed := append([]byte{}, whole...)
			changed[i]++
			refuse("changed: "+string(whole[max(0, i-20):i+1]), changed)
		}
	}
}
