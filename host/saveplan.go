package host

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"hardenctl/compiler/bundle"
	"hardenctl/host/plan"
)

// ErrMoved is the error of a saved plan whose host has changed since.
var ErrMoved = errors.New("the host has changed since the plan was made")

// SavedPlan is a plan in a file: what was shown to a person, the bundle to
// apply, and the state of the host from which it was planned.
type SavedPlan struct {
	Format      int             `json:"format"`
	Fingerprint string          `json:"fingerprint"` // of the host's state
	Plan        *plan.Plan      `json:"plan"`
	Manifest    bundle.Manifest `json:"manifest"`
	Files       []SavedFile     `json:"files"`
}

// SavedFile is one file of the bundle of a saved plan.
type SavedFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Save writes the plan of a reading to a file, for apply to take.
func (r *Reading) Save(path string) error {
	s := SavedPlan{Format: plan.Format, Fingerprint: r.fingerprint(), Plan: r.Plan, Manifest: r.Bundle.Manifest}
	for _, f := range r.Bundle.Files {
		s.Files = append(s.Files, SavedFile{f.Name, string(f.Text)})
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// LoadPlan reads a saved plan. Its bundle is as it was sealed.
func LoadPlan(path string) (*SavedPlan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s SavedPlan
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s is no saved plan: %w", path, err)
	}
	if s.Format != plan.Format || s.Plan == nil {
		return nil, fmt.Errorf("%s is no saved plan of this version of hardenctl", path)
	}
	return &s, nil
}

// Bundle returns the bundle of a saved plan.
func (s *SavedPlan) Bundle() *bundle.Bundle {
	var files []bundle.File
	for _, f := range s.Files {
		files = append(files, bundle.File{Name: f.Name, Text: []byte(f.Text)})
	}
	return bundle.Seal(files, s.Manifest)
}

// Match returns ErrMoved if the host of a reading is not the one that the plan
// was made from.
func (s *SavedPlan) Match(r *Reading) error {
	if s.Fingerprint != r.fingerprint() {
		return fmt.Errorf("%w; make a new plan", ErrMoved)
	}
	return nil
}

// fingerprint is a hash over what the plan was made from: rules without their
// counters, sets, settings and files, whoever owns them. Sets that packets or
// others fill count by their headers.
func (r *Reading) fingerprint() string {
	sum := sha256.New()
	r.Have.WriteCanonical(sum)
	return hex.EncodeToString(sum.Sum(nil))
}
