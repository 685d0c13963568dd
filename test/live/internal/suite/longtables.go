package suite

import (
	"cmp"
	"flag"
	"fmt"
	"hash/fnv"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// longTables are the tests of tables that take hours as a whole. make test leaves
// them out. make test-long runs nothing else: a slice of each, for the time that
// -long gives to all of them.
const longTables = `TestFailpointsApplyNFT TestFailpointsApplyLegacy TestFailpointsTrialNFT TestFailpointsTrialLegacy
	TestFailpointsConfirmNFT TestFailpointsConfirmLegacy TestFailpointsRevertNFT TestFailpointsRevertLegacy
	TestFailpointsRollbackNFT TestFailpointsRollbackLegacy TestFailpointsRestoreNFT TestFailpointsRestoreLegacy
	TestFault09_EachToolHangsNFT TestFault09_EachToolHangsLegacy
	TestFault01KilledNFT TestFault01KilledLegacy TestFault01_TrialKilledAtAnyStep TestFault06DiskFails TestFault13_FillKilled
	TestFault18_ConfirmLosesPower TestFault18_RollbackLosesPower TestFault18_RestoreLosesPower
	TestCrashNFT TestCrashLegacy TestTwoHundredAppliesNFT TestTwoHundredAppliesLegacy
	TestMissingEachLibraryNFT TestMissingEachLibraryLegacy TestEnginesAfterFlood TestForgedFloodBlocksNoClient TestFloodFromWithinBlocksNoClient TestSweep TestPublishedLegacy
	TestWitnessesOfAll TestRandomPacketsOfAll TestRandomRulesetsOfAll`

var (
	longFor = flag.Duration("long", 0, "run the long tables and nothing else, a slice of each, for about this time")
	whole   = flag.Bool("all", false, "run the long tables that -run names as a whole, which takes hours")
	// Seed says where a slice of a long table begins.
	Seed = flag.Uint64("seed", 0, "where a slice of a long table begins; make takes the number of commits")
)

// sliceAlone is the time for a slice of a test that was named alone.
const sliceAlone = time.Minute

// Slice is a part of a long table: as many cells, one after the other, as there is
// time for, from where the seed says. It looks at the clock between two cells.
type Slice struct {
	t          *testing.T
	cells      int
	began, end time.Time
	Done       int
}

// Numbers are those of the cells, one after the other, until the time is over or
// the table. There is always one.
func (s *Slice) Numbers() iter.Seq[int] {
	return func(yield func(int) bool) {
		for first := beginning(*Seed, s.cells); s.Done < s.cells; {
			if s.Done > 0 && !*whole && time.Now().After(s.end) {
				return
			}
			s.Done++
			if !yield((first + s.Done - 1) % s.cells) {
				return
			}
		}
	}
}

// report says how much of the table was covered, and how the rest is.
func (s *Slice) report() {
	fmt.Printf("long table %s: %d of %d cells in %s, from cell %d (-seed %d)\n",
		s.t.Name(), s.Done, s.cells, time.Since(s.began).Round(time.Second), beginning(*Seed, s.cells), *Seed)
}

// NewSlice begins a slice of a table of a number of cells. It has one of so many
// equal parts of the time for the test.
func NewSlice(t *testing.T, cells, parts int) *Slice {
	length := sliceAlone
	if tables := len(strings.Fields(longTables)); *longFor > 0 {
		length = *longFor * time.Duration(*labs) / time.Duration(tables)
	}
	now := time.Now()
	s := &Slice{t: t, cells: cells, began: now, end: now.Add(length / time.Duration(parts))}
	t.Cleanup(s.report)
	return s
}

// beginning is the cell at which a slice begins. One seed after the other goes
// round the table by the golden ratio, which always lands in the largest part
// that no slice began in, so that what one slice leaves over another runs.
func beginning(seed uint64, cells int) int {
	_, part := math.Modf(float64(seed%1_000_000) * math.Phi)
	return int(part * float64(cells))
}

// Mixed puts cells into an order that has nothing to do with what they are, and
// is always the same: a slice has some of each kind.
func Mixed[C any](cells []C) []C {
	hash := func(c C) uint64 {
		h := fnv.New64a()
		fmt.Fprint(h, c)
		return h.Sum64()
	}
	slices.SortStableFunc(cells, func(a, b C) int { return cmp.Compare(hash(a), hash(b)) })
	return cells
}

// chooseLong sets the flags of testing: all tests but the long tables, or these
// alone. What a command line names itself by -run, it gets.
func chooseLong() {
	run, skip := flag.Lookup("test.run").Value, flag.Lookup("test.skip").Value
	switch {
	case run.String() != "":
	case *longFor > 0:
		run.Set(oneOf(longTables))
	default:
		skip.Set(strings.TrimPrefix(skip.String()+"|"+oneOf(longTables), "|"))
	}
}
