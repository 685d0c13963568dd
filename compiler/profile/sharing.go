package profile

import (
	"cmp"
	"slices"
)

// inOrderOfAsking puts services that share a port into the order in which they are
// asked: as they are stated, an included file's before those of the file that
// includes it, and what is for everyone last. The others keep their places, by
// name.
func inOrderOfAsking(services []Service, stated []string) {
	rank := map[string]int{}
	for i, name := range stated {
		rank[name] = i
	}
	var places []int
	var sharing []Service
	for i, shares := range sharers(services) {
		if shares {
			places, sharing = append(places, i), append(sharing, services[i])
		}
	}
	slices.SortStableFunc(sharing, func(a, b Service) int {
		return cmp.Or(compareBool(a.Public(), b.Public()), cmp.Compare(rank[a.Name], rank[b.Name]))
	})
	for i, place := range places {
		services[place] = sharing[i]
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// sharers says of each service whether another one states a port of it.
func sharers(services []Service) []bool {
	shares := make([]bool, len(services))
	for _, o := range Overlaps(services) {
		shares[o.First], shares[o.Second] = true, true
	}
	return shares
}

// Overlap is a port that two services of a list share, by their index.
type Overlap struct {
	First, Second int
	// Port is the one that the second states.
	Port Port
}

// stretch is a range of ports of a service, by its index.
type stretch struct {
	Port
	service int
}

// Overlaps returns, of any two of the services that share ports, the lowest port of
// the later one that the earlier has too, by the order of the list.
func Overlaps(services []Service) []Overlap {
	type pair struct{ a, b int }
	found := map[pair]bool{}
	var overlaps []Overlap
	var open []stretch // those that reach to the port that is looked at, one for each service
	for _, s := range stretches(services) {
		open = slices.DeleteFunc(open, func(o stretch) bool { return o.Protocol != s.Protocol || o.Last < s.First })
		for _, o := range open {
			first, second := o, s
			if first.service > second.service {
				first, second = second, first
			}
			if p := (pair{first.service, second.service}); p.a != p.b && !found[p] {
				found[p] = true
				overlaps = append(overlaps, Overlap{p.a, p.b, second.Port})
			}
		}
		open = append(open, s)
	}
	slices.SortFunc(overlaps, func(a, b Overlap) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Second, b.Second))
	})
	return overlaps
}

// stretches returns the ports of all services by protocol and number. Ranges of one
// service that overlap are one, so that few reach over any port.
func stretches(services []Service) []stretch {
	var all []stretch
	for i, s := range services {
		ports := slices.Clone(s.Ports)
		slices.SortStableFunc(ports, func(a, b Port) int {
			return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.First, b.First))
		})
		before := len(all)
		for _, p := range ports {
			if n := len(all); n > before && all[n-1].Protocol == p.Protocol && all[n-1].Last >= p.First {
				all[n-1].Last = max(all[n-1].Last, p.Last)
				continue
			}
			all = append(all, stretch{p, i})
		}
	}
	slices.SortStableFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.First, b.First))
	})
	return all
}
