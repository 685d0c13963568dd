package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/document"
	"github.com/hardenctl/hardenctl/compiler/filekind"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// ErrMoved is the error of a saved plan whose host has changed since.
var ErrMoved = errors.New("the host has changed since the plan was made")

// SavedPlan is a plan in a file: what was shown to a person, the bundle to
// apply, and the state of the host from which it was planned.
type SavedPlan struct {
	Format int `json:"format"`
	// Checksum is over everything else, so that a file that was cut off or
	// edited is noticed. It is not a signature.
	Checksum    string          `json:"checksum"`
	Fingerprint string          `json:"fingerprint"` // of the host's state
	Plan        *plan.Plan      `json:"plan"`
	Manifest    bundle.Manifest `json:"manifest"`
	Files       []SavedFile     `json:"files"`
	// Sources are what the bundle was compiled from, for the generation.
	Sources []generation.Source `json:"sources"`
}

// SavedFile is one file of the bundle of a saved plan.
type SavedFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Save writes the plan of a reading to a file, for apply to take, with what its
// bundle was compiled from. It is a new file, root's alone, whatever was there.
func (r *Reading) Save(path string, sources []generation.Source) error {
	s := SavedPlan{Format: plan.Format, Fingerprint: r.fingerprint(), Plan: r.Plan, Manifest: r.Bundle.Manifest, Sources: sources}
	for _, f := range r.Bundle.Files {
		s.Files = append(s.Files, SavedFile{f.Name, string(f.Text)})
	}
	s.Checksum = s.checksum()
	text := document.Encode(s)
	if len(text) > safepath.MostBytes {
		return safepath.TooLarge(path)
	}
	return durable.WriteOut(path, text, 0o600)
}

// savedPlans is the kind of saved plans.
var savedPlans = document.Kind{Name: "saved plan", Format: plan.Format}

// LoadPlan reads a saved plan. Its bundle is as it was sealed.
func LoadPlan(path string) (*SavedPlan, error) {
	if stat, err := os.Stat(path); err == nil && stat.IsDir() {
		return nil, fmt.Errorf("%s is a folder, not a saved plan; %s", path, savePlanHelp)
	}
	text, err := safepath.ReadAny(path)
	if err != nil {
		return nil, err
	}
	if err := otherKind(path, text); err != nil {
		return nil, err
	}
	var s SavedPlan
	var broken *document.BrokenError
	switch err := savedPlans.Decode(text, &s); {
	case errors.As(err, &broken):
		return nil, fmt.Errorf("%s is not a saved plan, or not a whole one (%w); %s", path, broken.Err, savePlanHelp)
	case err != nil:
		return nil, fmt.Errorf("%s: %w; %s", path, err, savePlanHelp)
	case s.Plan == nil:
		return nil, fmt.Errorf("%s is not a saved plan; %s", path, savePlanHelp)
	case s.Checksum != s.checksum() || !bytes.Equal(text, document.Encode(s)):
		return nil, fmt.Errorf("%s is not as it was written; make a new plan", path)
	}
	if err := s.checkFiles(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &s, nil
}

// savePlanHelp says where a saved plan comes from.
const savePlanHelp = "save a plan with hardenctl plan PROFILE -o FILE"

// otherKind returns an error if a text is a file of another kind than a saved plan.
func otherKind(path string, text []byte) error {
	switch kind := filekind.Of(text); kind {
	case filekind.Unknown, filekind.SavedPlan:
		return nil
	case filekind.Profile:
		return fmt.Errorf("%s is a profile, not a saved plan; apply it without --plan: hardenctl apply %[1]s", path)
	default:
		return fmt.Errorf("%s is %s, not a saved plan; %s", path, kind, savePlanHelp)
	}
}

// checksum is a hash over the text without a checksum.
func (s SavedPlan) checksum() string {
	s.Checksum = ""
	sum := sha256.Sum256(document.Encode(s))
	return hex.EncodeToString(sum[:])
}

// checkFiles makes sure that the files are those of a bundle, each once, and
// text: iptables-restore would end a line at a NUL byte, and with it the rule.
func (s *SavedPlan) checkFiles() error {
	var names []string
	for _, f := range s.Files {
		names = append(names, f.Name)
	}
	known := bundle.Paths(bundle.Debian, names...)
	for _, f := range s.Files {
		if _, ok := known[f.Name]; !ok {
			return fmt.Errorf("%q is not a file of a bundle, or is listed twice", f.Name)
		}
		delete(known, f.Name)
		if strings.Contains(f.Text, "\x00") {
			return fmt.Errorf("%s holds a NUL byte", f.Name)
		}
	}
	return nil
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

// SameHost reports whether another reading found the host as this one did, as
// far as a plan can depend on it.
func (r *Reading) SameHost(other *Reading) bool { return r.fingerprint() == other.fingerprint() }

// fingerprint is a hash over what the plan was made from: rules without their
// counters, sets, settings and files, of any owner. Sets that packets or
// others fill count by their headers.
func (r *Reading) fingerprint() string {
	sum := sha256.New()
	r.Have.WriteCanonical(sum)
	return hex.EncodeToString(sum.Sum(nil))
}
