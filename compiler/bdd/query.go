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

// Where returns the function where variables have the values that known tells.
func (g *Graph) Where(n Node, known func(variable int) Value) Node {
	return g.rebuild(n, func(variable int, low, high Node) Node {
		switch known(variable) {
		case No:
			return low
		case Yes:
			return high
		}
		return g.Choose(g.Variable(variable), high, low)
	})
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

// rebuild makes each node of a function anew, the lowest first. anew must not rebuild.
func (g *Graph) rebuild(n Node, anew func(variable int, low, high Node) Node) Node {
	g.beginVisit()
	var visit func(Node) Node
	visit = func(n Node) Node {
		if n <= True {
			return n
		}
		if v := g.visits[n]; v.number == g.visit {
			return v.made
		}
		g.step()
		at := g.nodes[n]
		made := anew(int(at.variable), visit(at.low), visit(at.high))
		g.visits[n] = visited{g.visit, made}
		return made
	}
	return visit(n)
}

// visited is what the visit of a number has made of a node.
type visited struct {
	number uint32
	made   Node
}

// beginVisit begins a walk over nodes that are there now. It takes memory anew only where
// the nodes have become twice as many; what earlier walks noted is of no use then.
func (g *Graph) beginVisit() {
	g.visit++
	if len(g.visits) < len(g.nodes) {
		g.visits = make([]visited, 2*len(g.nodes))
	}
}

// Holds reports whether a function is true for the values of all variables.
func (g *Graph) Holds(n Node, is func(variable int) bool) bool {
	for n > True {
		if at := g.nodes[n]; is(int(at.variable)) {
			n = at.high
		} else {
			n = at.low
		}
	}
	return n == True
}

// Asked returns the variables on which a function depends.
func (g *Graph) Asked(n Node) map[int]bool {
	asked := map[int]bool{}
	g.rebuild(n, func(variable int, _, _ Node) Node {
		asked[variable] = true
		return n
	})
	return asked
}

// First returns values of variables for which a function is true, those that it
// needs: each variable in turn has the value that usual tells, if the function can
// still be true then. ok is false if the function is False.
func (g *Graph) First(n Node, usual func(variable int) bool) (values map[int]bool, ok bool) {
	values = map[int]bool{}
	for n > True {
		at := g.nodes[n]
		truth := usual(int(at.variable))
		if truth && at.high == False || !truth && at.low == False {
			truth = !truth
		}
		values[int(at.variable)] = truth
		if n = at.low; truth {
			n = at.high
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
		at := g.nodes[n]
		usually, otherwise, price = at.low, at.high, 1
		if usual(int(at.variable)) {
			usually, otherwise = otherwise, usually
		}
		if free(int(at.variable)) {
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
			unusual = append(unusual, int(g.nodes[n].variable))
		}
		n = otherwise
	}
	return unusual, true
}
