// Package plan compares what a host has with what a bundle asks for.
//
// A plan is a value made of two values: Compare reads nothing and changes
// nothing. Both sides hold rules as the host's own tools print them (the
// bundle's side was loaded in a rehearsal and saved there), so equal rules are
// equal text and no table of spellings has to be right. Sets are compared by
// what they cover, settings by the value read back, files by content. What
// hardenctl does not own is listed as untouched and never compared.
//
// The human view and the JSON are two renderers of the same Plan.
package plan

import (
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
)

// Action is what happens to an object. Its text is the sign that a view shows.
type Action string

// The actions.
const (
	Add    Action = "+"
	Change Action = "~"
	Remove Action = "-"
)

// Kind is the kind of object that a change is about.
type Kind string

// The kinds, in the order in which a plan lists them.
const (
	Policy  Kind = "policy"
	Chain   Kind = "chain"
	Rule    Kind = "rule"
	Set     Kind = "set"
	Setting Kind = "setting"
	File    Kind = "file"
)

// Format is the version of the JSON form of a plan.
const Format = 1

// Plan is the difference between a host and a bundle.
type Plan struct {
	Format  int    `json:"format"`
	Profile string `json:"profile"`
	// Meaning is what the changes do to packets; nil if that was not asked.
	Meaning *meaning.Meaning `json:"meaning,omitempty"`
	// Changes is empty when the host is what the profile says.
	Changes []Step `json:"changes"`
	// Untouched is what hardenctl found and does not own.
	Untouched []Foreign `json:"untouched"`
	// OutOfReach is what the profile asks for and cannot be changed from here.
	OutOfReach []Unreachable `json:"out_of_reach"`
	// Notes are what a reader should know although nothing changes by it.
	Notes []string `json:"notes"`
	// OnTrial is the trial that is pending: the plan compares with what is on
	// trial. It is nil where there is none.
	OnTrial *OnTrial `json:"on_trial,omitempty"`
	// Rivals are other firewalls that are active: an apply is refused until they
	// are gone.
	Rivals []Rival `json:"rivals"`
	// Access says who still gets in; nil if that was not asked.
	Access  *Access `json:"access,omitempty"`
	Summary Summary `json:"summary"`
}

// Step is one change.
type Step struct {
	Action Action `json:"action"`
	Kind   Kind   `json:"kind"`
	// Family is 4 or 6 for policies, chains and rules.
	Family int `json:"family,omitempty"`
	// Object is what changes: "filter INPUT" for a policy, a chain or a rule,
	// else the name of a set, the key of a setting, the path of a file.
	Object string `json:"object"`
	// Number is the place of a rule in its chain, counted from 1: before the
	// change for a rule that goes, after it for one that comes.
	Number int `json:"number,omitempty"`
	// Before and After are the two sides in a few words. Before is empty for
	// Add, After for Remove.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Added and Removed count the prefixes that come into a set and go out of
	// it; the examples are the first of them.
	Added           int      `json:"added,omitempty"`
	Removed         int      `json:"removed,omitempty"`
	AddedExamples   []string `json:"added_examples,omitempty"`
	RemovedExamples []string `json:"removed_examples,omitempty"`
	// Origin is the part of the profile that wants the change; nil for what the
	// profile does not ask for any more.
	Origin *bundle.Origin `json:"origin,omitempty"`
	// Risk says what may go wrong by the change beside what the meaning says; empty where
	// nothing is known to.
	Risk string `json:"risk,omitempty"`
}

// Foreign is a group of objects that somebody else put on the host.
type Foreign struct {
	Kind   Kind   `json:"kind"`
	Family int    `json:"family,omitempty"`
	Object string `json:"object"`
	// Count is how many rules a chain has, or entries a set.
	Count int `json:"count"`
}

// Unreachable is a setting that cannot be changed from here.
type Unreachable struct {
	Key    string         `json:"key"`
	Value  string         `json:"value"`
	Wanted string         `json:"wanted"`
	Reason string         `json:"reason"`
	Origin *bundle.Origin `json:"origin,omitempty"`
}

// OnTrial is a trial that is pending.
type OnTrial struct {
	// Profile is what is on trial.
	Profile string `json:"profile"`
	// By is who applied it; empty if it is not known.
	By string `json:"by,omitempty"`
	// Until is when everything is reverted without a confirm, and Seconds how much
	// time that was when the plan was made.
	Until   time.Time `json:"until"`
	Seconds int       `json:"seconds"`
}

// String says until when the trial lasts: ", on trial until 15:04:05".
func (t *OnTrial) String() string {
	if t == nil {
		return ""
	}
	return ", on trial until " + t.Until.Format("15:04:05")
}

// Summary counts the changes, and what is risky: of what they mean for packets, and changes
// that have a risk of their own.
type Summary struct {
	Add    int `json:"add"`
	Change int `json:"change"`
	Remove int `json:"remove"`
	Risky  int `json:"risky"`
}

// Goal says what the host is once the plan, which may be nil, is done.
func (p *Plan) Goal() string {
	if p != nil && p.Profile == bundle.BeforeProfile {
		return "as it was before hardenctl"
	}
	return "as the profile says"
}

// Empty reports whether the plan changes nothing.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// Has reports whether the plan changes anything of the kind.
func (p *Plan) Has(kind Kind) bool {
	for _, s := range p.Changes {
		if s.Kind == kind {
			return true
		}
	}
	return false
}

// AddMeaning puts what the plan changes for packets into it.
func (p *Plan) AddMeaning(m *meaning.Meaning) {
	p.Meaning = m
	_, count := p.risks(false)
	p.Summary.Risky += count
}

// risks are what is risky for packets: nothing where no rules, chains, policies and sets
// change.
func (p *Plan) risks(full bool) (lines []string, count int) {
	if p.Meaning == nil || !p.Has(Policy) && !p.Has(Chain) && !p.Has(Rule) && !p.Has(Set) {
		return nil, 0
	}
	return p.Meaning.Risks(full)
}

func (p *Plan) add(s Step) {
	p.Changes = append(p.Changes, s)
	switch s.Action {
	case Add:
		p.Summary.Add++
	case Change:
		p.Summary.Change++
	case Remove:
		p.Summary.Remove++
	}
	if s.Risk != "" {
		p.Summary.Risky++
	}
}
