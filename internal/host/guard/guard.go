// Package guard proves, before anything changes, that those who must still get
// in can.
//
// It knows three kinds of admin sources: the SSH connection of the one who asks, all
// others who are logged in, and the admin addresses that the profile declares.
// Of admin sources that all rules and sets of the bundle treat alike (classes) it
// tries some, and always one. For each it looks up by which interface it comes to which address of the
// host. Then it makes a network of throwaway namespaces in which the bundle is
// loaded on a host with such interfaces and addresses, and sends real packets
// from the admin sources' addresses: a connection that was open before the rules, and
// of which conntrack knew nothing, must still answer, and new ones must be
// accepted, several in a row, so that a limit shows itself too.
//
// Packets show some addresses in one state of the host. Package exact proves the rest, for
// the declared admin addresses: every one of them, in every state of bans, limits and lists,
// and with the rules of others beside those of the bundle (proof.go). Where the two disagree
// about the same rules, one of them is wrong, and nothing is applied.
//
// The rules are those of the bundle, with the settings that a namespace can
// have for itself. Of a set only the members matter that cover an admin source, so a
// blocklist of a million addresses costs no more than one of ten; sets that
// packets fill are given the entries that they have on the host at this moment,
// so that an admin source that is banned now is banned there. What the rehearsal does
// not have: rules of others, which an apply leaves as they are, but where nothing
// of ours will be before them any more (others, leading), and what hashlimit, recent and
// connlimit have counted so far on the host.
package guard

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Question is what there is to prove, and on what host.
type Question struct {
	Bundle   *bundle.Bundle
	Families []ruleset.Family // those that the kernel has
	// Have is what the host has, Want what the bundle makes of it.
	Have, Want state.State
	// Connection is the SSH connection of the one who asks.
	Connection login.Connection
	// NotAdmins are addresses that need not get in, though they are connected.
	NotAdmins netset.Set
	// Copies are the names under which a trial that is pending has some of the
	// sets of Have.
	Copies map[string]string

	// live are entries that the host's sets have now, by set: those that may
	// decide over an admin source (readLive).
	live map[string][]kernelset.Entry
	// others is what others have, where that decides (readOthers).
	others others
}

// limit is the most time that an answer takes. A few admin sources that get in are
// proven within a fifth of a second.
const limit = 20 * time.Second

// Ask rehearses, and returns what was found and what a reader should know
// beside it. It changes nothing on the host. It needs root.
func Ask(ctx context.Context, q Question) (found *plan.Access, notes []string) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found = &plan.Access{Sources: []plan.AdminSource{}}
	proof := make(chan proven, 1)
	go func() { proof <- q.proveAll() }()
	visits, notes, err := q.visits(ctx)
	for _, round := range rounds(visits) {
		if err == nil {
			err = q.rehearse(ctx, round)
		}
	}
	if err != nil {
		found.Unproven = err.Error() + plan.HowToExclude(results(visits))
		return found, notes
	}
	found.Sources = append(found.Sources, results(visits)...)
	notes = append(notes, q.addProof(found, visits, <-proof)...)
	more, err := q.logIn(ctx, visits, found)
	if err != nil {
		found.Unproven = err.Error()
	}
	return found, append(notes, more...)
}

func results(visits []*visit) (sources []plan.AdminSource) {
	for _, v := range visits {
		sources = append(sources, v.result())
	}
	return sources
}

// result describes a visit that has been made.
func (v *visit) result() plan.AdminSource {
	refused := v.refused
	if v.reason != "" {
		refused += " (" + v.reason + ")"
	}
	if v.broken {
		refused = also(refused, "its open connection would break")
	}
	return plan.AdminSource{
		Address: v.from.String(), Learned: v.learned, Interface: v.link,
		Port: v.port(), Service: v.service, Knock: v.knock != nil && v.refused == "", Refused: refused, Program: v.program, Like: v.like,
		Local: v.link == loopback && v.learned != learnedAsking,
	}
}

func also(before, more string) string {
	if before == "" {
		return more
	}
	return before + ", and " + more
}

// rounds parts visits so that no limit counts one as another: of each source
// that is logged in with several addresses, a round has one. Nor does one address come by
// two interfaces in a round.
func rounds(visits []*visit) (rounds [][]*visit) {
	seen := map[netip.Prefix][]netip.Addr{}
	for _, v := range visits {
		round := 0
		if v.connected {
			of := source(v.from)
			if round = slices.Index(seen[of], v.from); round < 0 {
				round = len(seen[of])
				seen[of] = append(seen[of], v.from)
			}
		}
		for round < len(rounds) && !v.fits(rounds[round]) {
			round++
		}
		if round >= len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[round] = append(rounds[round], v)
	}
	return rounds
}

// rehearse makes all visits in a network of their own.
func (q *Question) rehearse(ctx context.Context, visits []*visit) (err error) {
	s, err := newScene(visits)
	if err != nil {
		return fmt.Errorf("no network to try it in: %w", err)
	}
	defer s.close()
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("before the rules: %w", err)
	}
	if err := q.load(ctx, s); err != nil {
		return fmt.Errorf("loading the rules: %w", err)
	}
	s.callAll(ctx)
	q.explain(ctx, s)
	return nil
}
