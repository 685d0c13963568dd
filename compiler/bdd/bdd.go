// Package bdd holds functions from bits to true or false as binary decision diagrams
// (R. E. Bryant, "Graph-Based Algorithms for Boolean Function Manipulation", 1986).
//
// A diagram asks one variable after the other, in the order of their numbers. A
// Graph holds each different diagram once, so that two functions are equal exactly
// if their nodes are the same number. Nothing is ever removed from a Graph: it is made
// for one question and dropped with the answer.
package bdd

import "slices"

// Node is a function: a place in its Graph.
type Node uint32

// The constant functions.
const (
	False Node = 0
	True  Node = 1
)

// node asks a variable. Below it only larger variables are asked.
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
	// slots find a node by what it holds: open addressing, 0 for an empty slot.
	slots []Node
	// results are of Choose, one a slot: a newer one replaces an older one.
	results []result
	// visits are what the last walk over a function has made of nodes (query.go).
	visits []visited
	visit  uint32
	// left are the steps that it may still do; below 0 there is no limit.
	left int
}

type result struct{ ask, then, other, is Node }

// New returns a graph that holds the constants.
func New() *Graph {
	return &Graph{
		nodes:   append(make([]node, 0, 1<<14), node{variable: beyond}, node{variable: beyond}),
		slots:   make([]Node, 1<<16),
		results: make([]result, 1<<16),
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

// make returns the node that asks a variable.
func (g *Graph) make(variable int32, low, high Node) Node {
	if low == high {
		return low
	}
	at := hash(Node(variable), low, high) & uint32(len(g.slots)-1)
	for ; g.slots[at] != 0; at = (at + 1) & uint32(len(g.slots)-1) {
		if n := g.slots[at]; g.nodes[n] == (node{variable, low, high}) {
			return n
		}
	}
	n := Node(len(g.nodes))
	if n := len(g.nodes); n == cap(g.nodes) {
		g.nodes = slices.Grow(g.nodes, n) // append would copy them three times as often
	}
	g.nodes = append(g.nodes, node{variable, low, high})
	g.slots[at] = n
	if 2*len(g.nodes) > len(g.slots) {
		g.grow()
	}
	return n
}

// grow doubles the slots, and forgets results to have more room for them.
func (g *Graph) grow() {
	g.slots = make([]Node, 2*len(g.slots))
	for n := 2; n < len(g.nodes); n++ {
		at := hash(Node(g.nodes[n].variable), g.nodes[n].low, g.nodes[n].high) & uint32(len(g.slots)-1)
		for g.slots[at] != 0 {
			at = (at + 1) & uint32(len(g.slots)-1)
		}
		g.slots[at] = Node(n)
	}
	if len(g.results) < mostResults {
		g.results = make([]result, min(len(g.slots), mostResults))
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
	if then == ask {
		then = True
	}
	if other == ask {
		other = False
	}
	switch {
	case ask == True || then == other:
		return then
	case ask == False:
		return other
	case then == True && other == False:
		return ask
	case other == False && then < ask, then == True && other < ask:
		// "and" and "or" are the same both ways round: one result serves both.
		ask, then, other = swapped(ask, then, other)
	}
	at := hash(ask, then, other)
	if r := g.results[at&uint32(len(g.results)-1)]; r.ask == ask && r.then == then && r.other == other {
		return r.is
	}
	g.step()
	v := min(g.nodes[ask].variable, g.nodes[then].variable, g.nodes[other].variable)
	low := g.Choose(g.low(ask, v), g.low(then, v), g.low(other, v))
	high := g.Choose(g.high(ask, v), g.high(then, v), g.high(other, v))
	is := g.make(v, low, high)
	g.results[at&uint32(len(g.results)-1)] = result{ask, then, other, is}
	return is
}

func swapped(ask, then, other Node) (Node, Node, Node) {
	if other == False {
		return then, ask, False
	}
	return other, True, ask
}

// low is a function where the variable is false. The function asks no smaller one.
func (g *Graph) low(n Node, variable int32) Node {
	if g.nodes[n].variable == variable {
		return g.nodes[n].low
	}
	return n
}

// high is a function where the variable is true.
func (g *Graph) high(n Node, variable int32) Node {
	if g.nodes[n].variable == variable {
		return g.nodes[n].high
	}
	return n
}

// Not is true where n is not.
func (g *Graph) Not(n Node) Node { return g.Choose(n, False, True) }

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

// Same is true where a and b are equal.
func (g *Graph) Same(a, b Node) Node { return g.Choose(a, b, g.Not(b)) }

// Node returns what a node asks, and the functions where that is false and true. A
// constant asks nothing.
func (g *Graph) Node(n Node) (variable int, low, high Node, asks bool) {
	at := g.nodes[n]
	return int(at.variable), at.low, at.high, n > True
}
