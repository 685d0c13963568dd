package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scanLimit is the longest that Nmap lets a scan run.
const scanLimit = 5 * time.Minute

// Port is a port as nmap names it.
type Port struct {
	Protocol string // "tcp", "udp", "ip" (protocol scan), …
	Number   int
}

// String returns "tcp/443".
func (p Port) String() string { return p.Protocol + "/" + strconv.Itoa(p.Number) }

// Scan is what nmap learned about one target: the state of every port that it
// probed, in nmap's own words ("open", "closed", "filtered", "unfiltered",
// "open|filtered", "closed|filtered").
type Scan map[Port]string

// Open returns the ports whose state is "open", in order.
func (s Scan) Open() []string { return s.In("open") }

// In returns the ports that are in the given state, in order.
func (s Scan) In(state string) []string {
	var found []Port
	for port, is := range s {
		if is == state {
			found = append(found, port)
		}
	}
	slices.SortFunc(found, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
	})
	var names []string
	for _, port := range found {
		names = append(names, port.String())
	}
	return names
}

// States returns how many ports are in each state.
func (s Scan) States() map[string]int {
	count := map[string]int{}
	for _, state := range s {
		count[state]++
	}
	return count
}

// Nmap scans from a host, without name lookups and without asking first
// whether the target is up. The last argument is the target.
func Nmap(t T, from *Host, args ...string) Scan {
	t.Helper()
	s, err := from.Nmap(args...)
	must(t, err)
	return s
}

// Nmap is the function Nmap for callers that are not tests. A scan that nmap
// gave up (--host-timeout) or that takes five minutes is an error, never a
// smaller result.
func (h *Host) Nmap(args ...string) (Scan, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scanLimit)
	defer cancel()
	cmd := h.Command(ctx, "nmap", append([]string{"-n", "-Pn", "-oX", "-"}, args...)...)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done after %s", scanLimit)
	}
	var s Scan
	if err == nil {
		s, err = parseScan(out.Bytes())
	}
	if err != nil {
		return nil, fmt.Errorf("nmap %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(words.String()))
	}
	return s, nil
}

// report is what is read of nmap's XML, version 1.05.
type report struct {
	Hosts []struct {
		TimedOut bool         `xml:"timedout,attr"`
		Ports    []xmlPort    `xml:"ports>port"`
		Extra    []extraPorts `xml:"ports>extraports"`
	} `xml:"host"`
	Finished struct {
		Exit string `xml:"exit,attr"`
	} `xml:"runstats>finished"`
}

type xmlPort struct {
	Protocol string `xml:"protocol,attr"`
	Number   int    `xml:"portid,attr"`
	State    struct {
		Is string `xml:"state,attr"`
	} `xml:"state"`
}

// extraPorts are ports that nmap does not list one by one, since many are in
// the same state.
type extraPorts struct {
	State   string        `xml:"state,attr"`
	Count   int           `xml:"count,attr"`
	Reasons []extraReason `xml:"extrareasons"`
}

type extraReason struct {
	Protocol string `xml:"proto,attr"`
	Ports    string `xml:"ports,attr"`
}

// parseScan reads the report of a scan of one target.
func parseScan(text []byte) (Scan, error) {
	var r report
	if err := xml.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("unreadable report: %w", err)
	}
	if r.Finished.Exit != "success" {
		return nil, errors.New("the report says that the scan did not succeed")
	}
	if len(r.Hosts) != 1 {
		return nil, fmt.Errorf("the report is about %d targets, not 1", len(r.Hosts))
	}
	host := r.Hosts[0]
	if host.TimedOut {
		return nil, errors.New("the target timed out before the scan was complete")
	}
	s := Scan{}
	for _, p := range host.Ports {
		s[Port{p.Protocol, p.Number}] = p.State.Is
	}
	for _, extra := range host.Extra {
		if err := s.addExtra(extra); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s Scan) addExtra(extra extraPorts) error {
	added := 0
	for _, reason := range extra.Reasons {
		numbers, err := portList(reason.Ports)
		if err != nil {
			return err
		}
		for _, n := range numbers {
			s[Port{reason.Protocol, n}] = extra.State
		}
		added += len(numbers)
	}
	if added != extra.Count {
		return fmt.Errorf("%d ports are %s, but the report names %d of them: nmap 7.90 or later is needed", extra.Count, extra.State, added)
	}
	return nil
}

// portList reads "1-3,7".
func portList(text string) ([]int, error) {
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if errA != nil || errB != nil || a > b {
			return nil, fmt.Errorf("%q is not a list of ports", text)
		}
		for n := a; n <= b; n++ {
			list = append(list, int(n))
		}
	}
	return list, nil
}
