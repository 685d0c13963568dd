// Load makes the traffic that the benchmarks of the data plane measure. It runs
// in the namespace of a lab's host, and nowhere else, and prints what went by.
//
//	load serve                          requests on tcp/80, a sink on tcp/443
//	load race KIND SLICE ROUNDS SERVER… connect, stream or download, to one server after the other
//	load flood ADDRESS DURATION RATE    SYNs from forged sources, so many a second
//
// A KIND may also be a flood of forged packets: syn-open, syn-closed, null or udp. A
// flood is of the family of the server's address.
//
// A SERVER is NAME,ADDRESS,PID.
package main

import (
	"fmt"
	"log"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"time"
)

func main() {
	log.SetFlags(0)
	if err := act(os.Args[1:]); err != nil {
		log.Fatalf("load: %v", err)
	}
}

func act(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return serve()
	case len(args) > 4 && args[0] == "race":
		return race(args[1], args[2], args[3], args[4:])
	case len(args) == 4 && args[0] == "flood":
		return floodFrom(args[1], args[2], args[3])
	}
	return fmt.Errorf("serve, race or flood is wanted, not %q", args)
}

// race makes traffic to every server for a slice of time, round after round, in
// another order each, since a slice feels what was before it. The orders are
// the same in every run.
func race(kind, slice, rounds string, servers []string) error {
	length, err := time.ParseDuration(slice)
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	all := make([]server, len(servers))
	for i, text := range servers {
		if all[i], err = parseServer(text); err != nil {
			return err
		}
	}
	orders := rand.New(rand.NewPCG(1, 1))
	for range times {
		for _, i := range orders.Perm(len(all)) {
			if err := all[i].measure(kind, length); err != nil {
				return err
			}
		}
	}
	return nil
}

func floodFrom(address, duration, rate string) error {
	to, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	length, err := time.ParseDuration(duration)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(rate)
	if err != nil {
		return err
	}
	return forge(to, length, count, func(to netip.Addr, number int) []byte {
		if number%4 == 0 {
			return syn(to, number, 80)
		}
		return syn(to, number, uint16(1+number%65535))
	})
}
