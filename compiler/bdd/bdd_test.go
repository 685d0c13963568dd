package bdd

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestExample is the function of three bits that is true where at least two are.
func TestExample(t *testing.T) {
	g := New(1000)
	a, b, c := g.Variable(0), g.Variable(1), g.Variable(2)
	two := g.Or(g.And(a, b), g.And(a, c), g.And(b, c))
	if other := g.Choose(a, g.Or(b, c), g.And(b, c)); other != two {
		t.Error("equal functions are different nodes")
	}
	values, ok := g.First(two, func(int) bool { return false })
	if !ok || values[0] || !values[1] || !values[2] {
		t.Errorf("the first is %v, %v; false, true, true was wanted", values, ok)
	}
	if got := g.Where(two, func(v int) Value { return []Value{Yes, No, Unknown}[v] }); got != c {
		t.Error("with the first and without the second, the third decides")
	}
	if got := g.Any(two, func(v int) bool { return v == 0 }); got != g.Or(b, c) {
		t.Error("for any value of the first, one of the others is enough")
	}
	unusual, ok := g.Nearest(g.And(two, g.Not(b)), func(int) bool { return false }, func(v int) bool { return v == 0 })
	if !ok || !slices.Equal(unusual, []int{2}) {
		t.Errorf("nearest: %v, %v", unusual, ok)
	}
}

// holding counts the parts that have some values.
func holding(g *Graph, parts []Part, is func(int) bool) (n int) {
	for _, p := range parts {
		if g.Holds(p.Values, is) {
			n++
		}
	}
	return n
}

// TestNothing holds what the queries say of a function that is never true.
func TestNothing(t *testing.T) {
	g, no := New(1000), func(int) bool { return false }
	if _, ok := g.First(False, no); ok {
		t.Error("First found values")
	}
	if _, ok := g.Nearest(False, no, no); ok {
		t.Error("Nearest found values")
	}
}

// TestRandom compares diagrams with truth tables of ten variables.
func TestRandom(t *testing.T) {
	const variables, rows = 10, 1 << 10
	r := rand.New(rand.NewPCG(1, 2))
	g := New(1000)
	type both struct {
		n     Node
		table [rows]bool
	}
	var all []both
	for v := range variables {
		f := both{n: g.Variable(v)}
		for row := range rows {
			f.table[row] = row>>v&1 == 1
		}
		all = append(all, f)
	}
	for range 3000 {
		a, b, c := all[r.IntN(len(all))], all[r.IntN(len(all))], all[r.IntN(len(all))]
		f := both{n: g.Choose(a.n, b.n, c.n)}
		for row := range rows {
			if f.table[row] = c.table[row]; a.table[row] {
				f.table[row] = b.table[row]
			}
			if got := g.Holds(f.n, func(v int) bool { return row>>v&1 == 1 }); got != f.table[row] {
				t.Fatalf("row %b is %v", row, got)
			}
		}
		all = append(all, f)
	}
	for range 500 {
		a, b := all[r.IntN(len(all))], all[r.IntN(len(all))]
		meet, below := false, r.IntN(variables+1)
		put := g.Put(a.n, 0, b.n)
		parts := g.Cut(a.n, below)
		asked := r.IntN(variables)
		without, depends := g.Put(a.n, asked, False), false
		for row := range rows {
			is := func(v int) bool { return row>>v&1 == 1 }
			meet = meet || a.table[row] && b.table[row]
			with := row &^ 1
			if b.table[row] {
				with++
			}
			if g.Holds(put, is) != a.table[with] {
				t.Fatalf("Put: row %b", row)
			}
			if g.Holds(without, is) != a.table[row&^(1<<asked)] {
				t.Fatalf("Put of a constant: row %b", row)
			}
			depends = depends || a.table[row] != a.table[row^1<<asked]
			for _, p := range parts {
				if g.Holds(p.Values, is) && g.Holds(p.Rest, is) != a.table[row] {
					t.Fatalf("Cut: row %b", row)
				}
			}
			if n := holding(g, parts, is); n != 1 {
				t.Fatalf("Cut: row %b is in %d parts", row, n)
			}
		}
		if g.Depends(a.n, asked) != depends {
			t.Fatalf("whether a function depends on %d is not so", asked)
		}
		if g.Meet(a.n, b.n) != meet {
			t.Fatal("Meet is not so")
		}
	}
	for i, f := range all[:200] {
		for _, h := range all[:i] {
			if (f.n == h.n) != (f.table == h.table) {
				t.Fatal("a node is not one function")
			}
		}
	}
}

func BenchmarkQueens(b *testing.B) {
	for b.Loop() {
		if n := queens(New(1000), 6); n == False {
			b.Fatal("six queens find places")
		}
	}
}

// queens is true where n queens are on a board of n by n and none threatens another.
func queens(g *Graph, n int) Node {
	at := func(row, column int) Node { return g.Variable(row*n + column) }
	board := True
	for row := range n {
		line := False
		for column := range n {
			place := at(row, column)
			for r := range n {
				for c := range n {
					if (r != row || c != column) && (r == row || c == column || r-c == row-column || r+c == row+column) {
						place = g.Without(place, at(r, c))
					}
				}
			}
			line = g.Or(line, place)
		}
		board = g.And(board, line)
	}
	return board
}
