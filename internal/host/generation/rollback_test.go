package generation

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The newest generation holds applies back if it is a rollback, until a person
// accepts that they go on.
func TestLastRollback(t *testing.T) {
	s := store(t)
	is := func(number int) {
		t.Helper()
		if g, ok := s.LastRollback(); ok != (number > 0) || ok && g.Number != number {
			t.Errorf("got %d, %v, want %d", g.Number, ok, number)
		}
	}
	is(0)
	keep(t, s, content("64", 1), content("128", 1))
	is(0)
	back := content("64", 1)
	back.From = 1
	keep(t, s, back)
	is(3)
	must(t, s.Accept(3))
	is(0)
	if _, err := s.Open(3); err != nil {
		t.Errorf("it cannot be restored any more: %v", err)
	}
	keep(t, s, back)
	is(4)
	keep(t, s, content("128", 1))
	is(0)
}

// What was not confirmed is known by what its profiles say, whatever they are
// called, whatever is in their comments and whatever the lists hold, or by the
// bundle that they compile to, until it is confirmed.
func TestUnconfirmed(t *testing.T) {
	s := store(t)
	known := func(c Content, want bool) {
		t.Helper()
		if g, ok := s.Unconfirmed(OrdersOf(c.Bundle, c.Sources)); ok != want || ok && g.Who.Login != "alice" {
			t.Errorf("%v, want %v: %+v", ok, want, g)
		}
	}
	at := func(c Content, hour int) Content {
		c.When = time.Date(2026, 11, 20, hour, 0, 0, 0, time.UTC)
		return c
	}
	says := func(c Content, text string) Content {
		c.Sources = slices.Clone(c.Sources)
		c.Sources[0].Text = []byte(text)
		return c
	}
	tried := says(content("128", 1), "version = 1\nttl = 128\nadmin = [\"192.0.2.7\"]\n")
	other := says(content("64", 1), "version = 1\nttl = 64\n")
	must(t, s.SetAside()) // nothing is staged
	known(tried, false)
	keep(t, s, at(tried, 1))
	must(t, s.Stage(at(tried, 2)))
	must(t, s.SetAside())
	if entries, err := os.ReadDir(s.Folder); err != nil || len(entries) != 2 { // 1 and the record
		t.Errorf("the store has %v, %v", entries, err)
	}
	known(tried, true)
	known(other, false)
	grown := says(content("127", 9), "version = 1\n\n# made by a template at 03:00\nadmin = [ '192.0.2.7' ]\nttl = 128 # hops\n")
	grown.Sources[0].Name = "profile.toml"
	known(grown, true)
	split := says(content("128", 1), "version = 1\ninclude = [\"ttl.toml\"]\n")
	known(split, true)
	keep(t, s, at(other, 3))
	known(tried, true)
	another := says(content("32", 1), "version = 1\nttl = 32\n")
	must(t, s.Stage(at(another, 3)))
	must(t, s.SetAside())
	known(another, true)
	known(tried, true) // cron would still take it
	keep(t, s, at(grown, 4))
	known(tried, false)
}

// A host that was given back has no profile and no bundle of one: nothing that is
// applied later says the same.
func TestNothingIsNotUnconfirmed(t *testing.T) {
	s := store(t)
	back := content("128", 1)
	back.Sources, back.Bundle.Manifest.Before = nil, true
	must(t, s.Stage(back))
	must(t, s.SetAside())
	if g, ok := s.Unconfirmed(OrdersOf(back.Bundle, nil)); ok {
		t.Errorf("%+v is known", g)
	}
}

// Of very many profiles that were not confirmed, the last ones are known.
func TestUnconfirmedAreFew(t *testing.T) {
	s := store(t)
	trial := func(i int) Content {
		c := content(strconv.Itoa(i+1), 1)
		c.Sources[0].Text = fmt.Appendf(nil, "version = 1\nttl = %d\n", i+1)
		return c
	}
	for i := range keptUnconfirmed + 2 {
		must(t, s.Stage(trial(i)))
		must(t, s.SetAside())
		began := time.Date(2026, 11, 20, i, 0, 0, 0, time.UTC)
		must(t, os.Chtimes(s.unconfirmed(OrdersOf(trial(i).Bundle, trial(i).Sources)), began, began))
	}
	for i := range keptUnconfirmed + 2 {
		if _, ok := s.Unconfirmed(OrdersOf(trial(i).Bundle, trial(i).Sources)); ok != (i > 1) {
			t.Errorf("the trial number %d is known: %v", i, ok)
		}
	}
}
