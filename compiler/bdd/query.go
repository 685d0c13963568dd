package bdd

// Value is what is known of a variable.
type Value int8

// The values; the zero Value is Unknown.
const (
	Unknown Value = iota
	No
	Yes
)

// Of is the Value of a truth.
func Of(truth bool) Value {
	if truth {
		return Yes
	}
	return No
}

// Where returns the function where variables have the values that known tells. It looks at
// no part of the function that these values rule out.
func (g *Graph) Where(n Node, known func(variable int) Value) Node {
	return g.visited(func(n Node, visit func(Node) Node) Node {
		variable, low, high, _ := g.Node(n)
		switch known(variable) {
		case No:
			return visit(low)
		case Yes:
			return visit(high)
		}
		return g.make(int32(variable), visit(low), visit(high))
	})(n)
}

// Put returns the function that has another in the place of a variable. That must ask no
// smaller variable.
func (g *Graph) Put(n Node, variable int, is Node) Node {
	return g.visited(func(n Node, visit func(Node) Node) Node {
		asked, low, high, _ := g.Node(n)
		switch {
		case asked > variable:
			return n
		case asked == variable:
			return g.Choose(is, high, low)
		}
		return g.make(int32(asked), visit(low), visit(high))
	})(n)
}

// Depends reports whether a function depends on a variable.
func (g *Graph) Depends(n Node, variable int) bool {
	found := False
	g.visited(func(n Node, visit func(Node) Node) Node {
		asked, low, high, _ := g.Node(n)
		if asked == variable {
			found = True
		}
		if asked < variable && found == False {
			visit(low)
			visit(high)
		}
		return n
	})(n)
	return found == True
}

// Any returns the function of the other variables that is true where n is for any
// values of the variables that some tells.
func (g *Graph) Any(n Node, some func(variable int) bool) Node {
	return g.rebuild(n, func(variable int, low, high Node) Node {
		if some(variable) {
			return g.Or(low, high)
		}
		return g.make(int32(variable), low, high)
	})
}

// rebuild makes each node of a function anew, the lowest first. anew may be called for a
// node again: the results of Choose and of this share their room.
func (g *Graph) rebuild(n Node, anew func(variable int, low, high Node) Node) Node {
	return g.visited(func(n Node, visit func(Node) Node) Node {
		variable, low, high, _ := g.Node(n)
		return anew(variable, visit(low), visit(high))
	})(n)
}

// visited returns what makes a function anew as anew makes a node, which visits those below
// that it needs.
func (g *Graph) visited(anew func(n Node, visit func(Node) Node) Node) func(Node) Node {
	g.visit++
	number := g.visit
	var visit func(Node) Node
	visit = func(n Node) Node {
		if n <= True {
			return n
		}
		at := hash(n, number, rebuilt)
		if r := g.results[at&uint32(len(g.results)-1)]; r.ask == n && r.then == number && r.other == rebuilt {
			return r.is
		}
		g.step()
		made := anew(n, visit)
		g.results[at&uint32(len(g.results)-1)] = result{n, number, rebuilt, made}
		return made
	}
	return visit
}

// rebuilt is in the place of a function in results of rebuild: more than there are.
const rebuilt Node = 1<<32 - 1

// Part is a function of the variables behind a cut, and the values of those before it for
// which a function is that.
type Part struct{ Rest, Values Node }

// Cut returns the parts of a function, in the order of the smallest values: it asks the
// variables from end on only behind the cut.
func (g *Graph) Cut(n Node, end int) []Part {
	cuts := map[Node][]Part{}
	var cut func(Node) []Part
	cut = func(n Node) []Part {
		variable, low, high, asks := g.Node(n)
		if !asks || variable >= end {
			return []Part{{n, True}}
		}
		if parts, done := cuts[n]; done {
			return parts
		}
		cuts[n] = g.joined(int32(variable), cut(low), cut(high))
		return cuts[n]
	}
	return cut(n)
}

// joined are the parts of a function by those where a variable is false, and where it is
// true.
func (g *Graph) joined(variable int32, low, high []Part) (parts []Part) {
	for _, l := range low {
		parts = append(parts, Part{l.Rest, g.make(variable, l.Values, valuesOf(high, l.Rest))})
	}
	for _, h := range high {
		if valuesOf(low, h.Rest) == False {
			parts = append(parts, Part{h.Rest, g.make(variable, False, h.Values)})
		}
	}
	return parts
}

// valuesOf are the values for which the rest is a function.
func valuesOf(parts []Part, rest Node) Node {
	for _, p := range parts {
		if p.Rest == rest {
			return p.Values
		}
	}
	return False
}

// Holds reports whether a function is true for the values of all variables.
func (g *Graph) Holds(n Node, is func(variable int) bool) bool {
	for n > True {
		variable, low, high, _ := g.Node(n)
		if n = low; is(variable) {
			n = high
		}
	}
	return n == True
}

// First returns values of variables for which a function is true, those that it
// needs: each variable in turn has the value that usual tells, if the function can
// still be true then. ok is false if the function is False.
func (g *Graph) First(n Node, usual func(variable int) bool) (values map[int]bool, ok bool) {
	values = map[int]bool{}
	for n > True {
		variable, low, high, _ := g.Node(n)
		truth := usual(variable)
		if truth && high == False || !truth && low == False {
			truth = !truth
		}
		values[variable] = truth
		if n = low; truth {
			n = high
		}
	}
	return values, n == True
}

// Nearest returns the fewest variables that must not have their usual value for the
// function to be true, where the others have it. Variables that free tells cost
// nothing, and are not among them. ok is false if the function is False.
func (g *Graph) Nearest(n Node, usual, free func(variable int) bool) (unusual []int, ok bool) {
	const never = 1 << 30
	costs := map[Node]int{False: never, True: 0}
	var cost func(Node) int
	step := func(n Node) (usually, otherwise Node, price int) {
		variable, low, high, _ := g.Node(n)
		usually, otherwise, price = low, high, 1
		if usual(variable) {
			usually, otherwise = otherwise, usually
		}
		if free(variable) {
			price = 0
		}
		return usually, otherwise, price
	}
	cost = func(n Node) int {
		if known, ok := costs[n]; ok {
			return known
		}
		usually, otherwise, price := step(n)
		costs[n] = min(cost(usually), cost(otherwise)+price)
		return costs[n]
	}
	if cost(n) >= never {
		return nil, false
	}
	for n > True {
		usually, otherwise, price := step(n)
		if cost(usually) <= cost(otherwise)+price {
			n = usually
			continue
		}
		if price > 0 {
			unusual = append(unusual, int(g.variable(n)))
		}
		n = otherwise
	}
	return unusual, true
}
