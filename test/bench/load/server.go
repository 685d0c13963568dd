package main

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// server is where traffic goes.
type server struct {
	name    string
	address netip.Addr
	pid     int // of the program that answers
}

// parseServer reads NAME,ADDRESS,PID.
func parseServer(text string) (s server, err error) {
	words := strings.Split(text, ",")
	if len(words) != 3 {
		return s, fmt.Errorf("%q is not NAME,ADDRESS,PID", text)
	}
	s.name = words[0]
	if s.address, err = netip.ParseAddr(words[1]); err != nil {
		return s, err
	}
	s.pid, err = strconv.Atoi(words[2])
	return s, err
}

// measure makes traffic for so long, and prints the server's name, how much
// went by in a second, and how much in a second of processor time of both ends.
// The latter holds on a machine that does other things too.
func (s server) measure(kind string, length time.Duration) error {
	traffic := map[string]func(netip.Addr, time.Duration) (float64, error){"connect": connect, "stream": stream, "download": download}[kind]
	if floods[kind] != nil {
		traffic = flooding(kind)
	}
	if traffic == nil {
		return fmt.Errorf("%q is not connect, stream, download or a flood", kind)
	}
	worked, start := s.worked(), time.Now()
	amount, err := traffic(s.address, length)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	took, work := time.Since(start), s.worked()-worked
	_, err = fmt.Println(s.name, amount/took.Seconds(), amount/work.Seconds())
	return err
}

// worked is the processor time of client and server so far. Packets cross the
// cable in the time of the one who sends them, and so do the rules at its end:
// the kernel has no account of its own for that, unless it was built with
// CONFIG_IRQ_TIME_ACCOUNTING.
func (s server) worked() time.Duration {
	return processorTime(os.Getpid()) + processorTime(s.pid)
}

// processorTime reads the clock of a process, whose number is made of its pid
// (CPUCLOCK_SCHED in the kernel's posix-timers.h).
func processorTime(pid int) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		panic(fmt.Sprintf("the clock of process %d: %v", pid, err))
	}
	return time.Duration(t.Nano())
}
