// Package bdd holds functions from bits to true or false as binary decision diagrams
// (R. E. Bryant, "Graph-Based Algorithms for Boolean Function Manipulation", 1986).
//
// A diagram asks one variable after the other, in the order of their numbers. A
// Graph holds each different diagram once, so that two functions are equal exactly
// if their nodes are the same number. A function and its negation share their diagram (K. S.
// Brace, R. L. Rudell, R. E. Bryant, "Efficient Implementation of a BDD Package", 1990).
// Nothing is ever removed from a Graph: it is made for one question and dropped with the
// answer.
package bdd

import (
	"math/bits"
	"slices"
)

// Node is a function: twice a place in its Graph, and 1 more for the negation of what is
// there.
type Node uint32

// The constant functions.
const (
	False Node = 0
	True  Node = 1
)

// node asks a variable. Below it only larger variables are asked. low is never a negation:
// of a function and its negation, which share the node, one is so.
type node struct {
	variable  int32
	low, high Node // where the variable is false, and where it is true
}

// beyond is the variable of the constants: larger than all others.
const beyond = 1<<31 - 1

// Graph holds functions over any number of variables, which are counted from 0. The
// smallest is asked first. It is not for concurrent use.
type Graph struct {
	nodes []node
	// slots find the place of a node by what it holds: open addressing, 0 for an empty slot.
	slots []uint32
	// results are of Choose and rebuild, one a slot: a newer one replaces an older one.
	results []result
	// visit is the number of the last function that was rebuilt (query.go).
	visit Node
	// left are the steps that it may still do; below 0 there is no limit.
	left int
}

type result struct{ ask, then, other, is Node }

// New returns a graph that holds the constants. It has room for so many nodes before it
// takes more memory: memory that was never used is what costs most of a short question.
func New(nodes int) *Graph {
	room := max(1<<10, 1<<bits.Len(uint(max(nodes, 1)-1)))
	return &Graph{
		nodes:   append(make([]node, 0, room), node{variable: beyond}),
		slots:   make([]uint32, room),
		results: make([]result, max(1<<12, room/4)),
	}
}

// TooMuch is what a graph panics with that has done more steps than Limit lets it.
type TooMuch struct{}

// Limit bounds the steps that the graph does from now on, and so its time and memory. A
// step makes at most one node, of some 40 bytes; a core does some ten million a second. 0
// is for no limit.
func (g *Graph) Limit(steps int) { g.left = steps }

// step counts one.
func (g *Graph) step() {
	if g.left--; g.left == 0 {
		panic(TooMuch{})
	}
}

// Size is how many nodes the graph holds.
func (g *Graph) Size() int { return len(g.nodes) }

// Variable returns the function that is true where the variable is.
func (g *Graph) Variable(number int) Node { return g.make(int32(number), False, True) }

// make returns the function that asks a variable.
func (g *Graph) make(variable int32, low, high Node) Node {
	if low == high {
		return low
	}
	negated := low & 1
	return 2*Node(g.place(node{variable, low ^ negated, high ^ negated})) | negated
}

// place returns where a node is, and puts it there if it is new.
func (g *Graph) place(n node) uint32 {
	mask := uint32(len(g.slots) - 1)
	at := hash(Node(n.variable), n.low, n.high) & mask
	for ; g.slots[at] != 0; at = (at + 1) & mask {
		if place := g.slots[at]; g.nodes[place] == n {
			return place
		}
	}
	place := uint32(len(g.nodes))
	if len(g.nodes) == cap(g.nodes) {
		g.nodes = slices.Grow(g.nodes, g.more()) // append would copy them three times as often
	}
	g.nodes = append(g.nodes, n)
	g.slots[at] = place
	if g.full() {
		g.grow()
	}
	return place
}

// many is how many nodes are so many that their memory counts for more than the time to find
// them: some 20 MB.
const many = 1 << 19

// more is for how many nodes room is made, when there is none.
func (g *Graph) more() int {
	if len(g.nodes) >= many {
		return len(g.nodes) / 4
	}
	return len(g.nodes)
}

// full reports whether more slots are needed: half of them are empty, of many nodes a third.
func (g *Graph) full() bool {
	if len(g.nodes) >= many {
		return 3*len(g.nodes) > 2*len(g.slots)
	}
	return 2*len(g.nodes) > len(g.slots)
}

// grow doubles the slots. It forgets results, to have more room for them, if there are many
// nodes: a few results serve as well, and memory that was never used is what costs most.
func (g *Graph) grow() {
	g.slots = make([]uint32, 2*len(g.slots))
	mask := uint32(len(g.slots) - 1)
	for place := 1; place < len(g.nodes); place++ {
		n := g.nodes[place]
		at := hash(Node(n.variable), n.low, n.high) & mask
		for g.slots[at] != 0 {
			at = (at + 1) & mask
		}
		g.slots[at] = uint32(place)
	}
	if size := len(g.slots) / 8; len(g.results) < size && size <= mostResults {
		g.results = make([]result, size)
	}
}

// mostResults bounds the memory of results: 4 MB.
const mostResults = 1 << 18

// hash mixes three numbers (the multipliers are primes near 2^32 divided by golden
// ratios, as in Knuth's multiplicative hashing).
func hash(a, b, c Node) uint32 {
	h := uint64(a)*0x9e3779b1 ^ uint64(b)*0x85ebca77c2b2ae63 ^ uint64(c)*0xc2b2ae3d27d4eb4f
	return uint32(h ^ h>>29 ^ h>>43)
}

// Choose returns the function that is then where ask is true, and other where not.
func (g *Graph) Choose(ask, then, other Node) Node {
	then, other = known(ask, then, other)
	switch {
	case ask == True || then == other:
		return then
	case ask == False:
		return other
	case then == True && other == False:
		return ask
	case then == False && other == True:
		return ask ^ 1
	}
	ask, then, other, negated := ordered(ask, then, other)
	at := hash(ask, then, other)
	if r := g.results[at&uint32(len(g.results)-1)]; r.ask == ask && r.then == then && r.other == other {
		return r.is ^ negated
	}
	g.step()
	v := min(g.variable(ask), g.variable(then), g.variable(other))
	askLow, askHigh := g.halves(ask, v)
	thenLow, thenHigh := g.halves(then, v)
	otherLow, otherHigh := g.halves(other, v)
	low := g.Choose(askLow, thenLow, otherLow)
	is := g.make(v, low, g.Choose(askHigh, thenHigh, otherHigh))
	g.results[at&uint32(len(g.results)-1)] = result{ask, then, other, is}
	return is ^ negated
}

// known puts in what is known where ask is true, and where it is not.
func known(ask, then, other Node) (Node, Node) {
	switch then {
	case ask:
		then = True
	case ask ^ 1:
		then = False
	}
	switch other {
	case ask:
		other = False
	case ask ^ 1:
		other = True
	}
	return then, other
}

// ordered returns the one of several choices that are the same function, or its negation,
// that stands for all of them: one result serves them. "And" and "or" are the same both
// ways round, and each is a negation of the other.
func ordered(ask, then, other Node) (_, _, _, negated Node) {
	switch {
	case then == True: // ask or other: not (not ask and not other)
		ask, then, other, negated = ask^1, other^1, False, 1
	case then == False: // not ask and other
		ask, then, other = ask^1, other, False
	case other == True: // not ask or then: not (ask and not then)
		then, other, negated = then^1, False, 1
	}
	if other == False {
		return min(ask, then), max(ask, then), False, negated
	}
	if ask&1 == 1 {
		ask, then, other = ask^1, other, then
	}
	if then&1 == 1 {
		then, other, negated = then^1, other^1, negated^1
	}
	return ask, then, other, negated
}

// variable is what a function asks first.
func (g *Graph) variable(n Node) int32 { return g.nodes[n>>1].variable }

// halves are a function where a variable is false, and where it is true. The function asks
// no smaller one.
func (g *Graph) halves(n Node, variable int32) (low, high Node) {
	at := g.nodes[n>>1]
	if at.variable != variable {
		return n, n
	}
	return at.low ^ n&1, at.high ^ n&1
}

// Not is true where n is not.
func (g *Graph) Not(n Node) Node { return n ^ 1 }

// And is true where all are.
func (g *Graph) And(all ...Node) Node {
	result := True
	for _, n := range all {
		result = g.Choose(result, n, False)
	}
	return result
}

// Or is true where any is.
func (g *Graph) Or(all ...Node) Node {
	result := False
	for _, n := range all {
		result = g.Choose(result, True, n)
	}
	return result
}

// Without is true where a is and b is not.
func (g *Graph) Without(a, b Node) Node { return g.Choose(b, False, a) }

// Meet reports whether two functions are true for some values at once. It makes no node.
func (g *Graph) Meet(a, b Node) bool {
	switch {
	case a == False || b == False || a == b^1:
		return false
	case a == True || b == True || a == b:
		return true
	}
	a, b = min(a, b), max(a, b)
	at := hash(a, b, False)
	if r := g.results[at&uint32(len(g.results)-1)]; r.ask == a && r.then == b && r.other == False {
		return r.is != False
	}
	g.step()
	v := min(g.variable(a), g.variable(b))
	aLow, aHigh := g.halves(a, v)
	bLow, bHigh := g.halves(b, v)
	if g.Meet(aLow, bLow) || g.Meet(aHigh, bHigh) {
		return true
	}
	g.results[at&uint32(len(g.results)-1)] = result{a, b, False, False}
	return false
}

// Same is true where a and b are equal.
func (g *Graph) Same(a, b Node) Node { return g.Choose(a, b, g.Not(b)) }

// Node returns what a node asks, and the functions where that is false and true. A
// constant asks nothing.
func (g *Graph) Node(n Node) (variable int, low, high Node, asks bool) {
	v := g.variable(n)
	low, high = g.halves(n, v)
	return int(v), low, high, n > True
}
