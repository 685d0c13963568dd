package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Of how many who are refused the reason is looked for, with how many packets
// each. A packet is given up before it would be sent again.
const (
	mostReasons = 4
	reasonTries = 3
	reasonWait  = 60 * time.Millisecond
)

// explain says of those who are refused which rule did it: the one that counts
// the packets which they send again.
func (q *Question) explain(ctx context.Context, s *scene) {
	asked := 0
	for _, v := range s.visits {
		if v.refused == "" || asked == mostReasons {
			continue
		}
		asked++
		v.reason = q.reason(ctx, s, v)
	}
}

// reason sends packets and looks which rules they met. It is empty where that
// cannot be told.
func (q *Question) reason(ctx context.Context, s *scene, v *visit) string {
	before, err := s.filter(ctx, v)
	if err != nil {
		return ""
	}
	for range reasonTries {
		if conn, err := s.dialWithin(ctx, v, reasonWait); err == nil {
			conn.Close()
		}
	}
	after, err := s.filter(ctx, v)
	if err != nil {
		return ""
	}
	return q.describe(family(v.from), met(before, after, "INPUT"))
}

// filter reads the table filter of the visitor's family, with counters.
func (s *scene) filter(ctx context.Context, v *visit) (table tablefile.Table, err error) {
	err = s.server.Do(func() error {
		read, err := probe.Tables(ctx, family(v.from))
		table = read.Tables[state.TableID{Family: family(v.from), Name: "filter"}]
		return err
	})
	return table, err
}

// place is a rule of the table filter.
type place struct {
	chain  string
	number int // from 1
	rule   tablefile.Rule
}

// met returns the rules that led the packets to their end, from a chain on: of
// each chain the last that counted them all, and then the chain to which that
// one jumps.
func met(before, after tablefile.Table, chain string) []place {
	was, is := before.Chain(chain), after.Chain(chain)
	if was == nil || is == nil || len(was.Rules) != len(is.Rules) {
		return nil
	}
	for i, r := range slices.Backward(is.Rules) {
		if r.Packets < was.Rules[i].Packets+reasonTries {
			continue
		}
		way := []place{{chain, i + 1, r}}
		if next := r.Target(); owned.Chain(next) {
			way = append(way, met(before, after, next)...)
		}
		return way
	}
	return nil
}

// unserved are the comments of the rules that take what no service does, of all
// and of trusted sources, and unservedMeans what that is for somebody who wanted
// one.
const (
	unserved      = "policy: unserved"
	notForThem    = "access: not for them"
	unservedMeans = "no service of the profile is open to it"
)

// describe names the part of the profile that refuses, with its place: the
// first rule of ours on the way, or the last where that says more of the same
// part. What only logs and drops says nothing.
func (q *Question) describe(f ruleset.Family, way []place) string {
	if text := ofOthers(way); text != "" {
		return text
	}
	way = slices.DeleteFunc(way, func(p place) bool {
		return !owned.Chain(p.chain) || strings.HasPrefix(p.chain, ruleset.ChainPrefix+"DROP-")
	})
	if len(way) == 0 {
		return ""
	}
	first, last := way[0], way[len(way)-1]
	text := first.rule.Comment()
	if more := last.rule.Comment(); strings.HasPrefix(more, text) {
		text = more
	}
	if text == unserved || last.rule.Comment() == notForThem {
		return unservedMeans
	}
	if o := q.origin(f, first); o != nil && o.Line > 0 {
		text += fmt.Sprintf("; %s", o.Position())
	}
	return text
}

// origin returns the profile line of a rule; nil if the manifest has none.
func (q *Question) origin(f ruleset.Family, p place) *bundle.Origin {
	for _, r := range q.Bundle.Manifest.Rules {
		if r.Family == int(f) && r.Table == "filter" && r.Chain == p.chain && r.Number == p.number {
			return &r.Origin
		}
	}
	return nil
}
