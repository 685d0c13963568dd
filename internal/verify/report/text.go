// Package report prints a report as text.
package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Print writes a report as text.
func Print(w io.Writer, r *result.Report) {
	fmt.Fprintf(w, "%s, attacked in a network made for it (iptables %s, scans by %s, %.0f s)\n", r.Profile, r.Backend, r.Scanner, r.Seconds)
	fmt.Fprintf(w, "for everyone: %s\n", strings.Join(r.Services, " "))
	fmt.Fprintf(w, "to be hidden: %d other listening ports\n\n", len(r.Hidden))
	printMaps(w, r)
	printAttacks(w, r)
	printSlowScans(w, r)
	printDoors(w, r)
	printVisitors(w, r)
	printPromises(w, r)
	printUnjudged(w, r)
}

func table(w io.Writer, heads string) *tabwriter.Writer {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, heads)
	return t
}

var viewNames = map[result.View]string{
	result.Before:  "before, no firewall",
	result.Patient: "after, a fresh address for every port",
	result.Single:  "after, one address",
}

func printMaps(w io.Writer, r *result.Report) {
	t := table(w, "ALL 65,536 TCP PORTS\t\topen\tclosed\tsilent\tbanned after")
	for _, m := range r.Maps {
		after := "-"
		if m.BannedAt > 0 {
			after = fmt.Sprintf("%.0f ms", 1000*(m.BannedAt-m.Start))
		}
		fmt.Fprintf(t, "%s\tIPv%d\t%d\t%d\t%d\t%s\n", viewNames[m.View], m.Family, m.Counts.Open, m.Counts.Closed, m.Counts.Silent, after)
	}
	t.Flush()
	fmt.Fprintln(w)
}

// printAttacks writes a line for each attack: one number where both families
// agree, else that of IPv4 and that of IPv6.
func printAttacks(w io.Writer, r *result.Report) {
	t := table(w, "ATTACK\t\tports\topen\tclosed\tsilent\tbanned by probe\topen ports")
	for _, both := range r.ByName() {
		a := both.First()
		columns := []string{a.Name, a.Tool}
		for _, number := range []func(*result.Attack) string{
			func(a *result.Attack) string { return fmt.Sprint(a.Ports) },
			func(a *result.Attack) string { return fmt.Sprint(a.Open) },
			func(a *result.Attack) string { return fmt.Sprint(a.Closed) },
			func(a *result.Attack) string { return fmt.Sprint(a.Silent) },
			(*result.Attack).Ban,
			func(a *result.Attack) string { return short(a.OpenPorts) },
		} {
			columns = append(columns, say(both, number))
		}
		fmt.Fprintln(t, strings.Join(columns, "\t"))
	}
	t.Flush()
	for _, a := range r.Attacks {
		if a.Missed > 0 {
			fmt.Fprintf(w, "during %s over IPv%d, visits of legitimate clients that failed: %d\n", a.Name, a.Family, a.Missed)
		}
	}
	for _, g := range r.Guesses {
		fmt.Fprintf(w, "nmap -O guesses over IPv%d: before, %s; after, %s\n", g.Family, g.Before, g.After)
	}
	fmt.Fprintln(w)
}

// say returns what there is to say of an attack: once if both families agree.
func say(b result.Both, what func(*result.Attack) string) string {
	if b.V4 == nil || b.V6 == nil {
		return what(b.First())
	}
	if v4, v6 := what(b.V4), what(b.V6); v4 != v6 {
		return v4 + " / " + v6
	}
	return what(b.V4)
}

// short lists the first few of many, or "-" for none.
func short(names []string) string {
	const most = 6
	switch {
	case len(names) == 0:
		return "-"
	case len(names) > most:
		return strings.Join(names[:most], " ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, " ")
}

// printSlowScans writes a line for each scan that waits between probes.
func printSlowScans(w io.Writer, r *result.Report) {
	if len(r.SlowScans) == 0 {
		return
	}
	t := table(w, "SLOW SCANS\t\tbanned by probe\tafter\tplayed")
	for _, slow := range r.SlowScans {
		ban, after := "no", "-"
		if slow.BannedAt > 0 {
			ban, after = fmt.Sprint(slow.BannedAt), slow.After()
		}
		fmt.Fprintf(t, "one probe in %s\tIPv%d\t%s\t%s\t%s times as fast\n", slow.Pace(), slow.Family, ban, after, result.Thousands(slow.Speed))
	}
	t.Flush()
	fmt.Fprintln(w)
}

// printDoors writes a line for each way to knock.
func printDoors(w io.Writer, r *result.Report) {
	if len(r.Doors) == 0 {
		return
	}
	t := table(w, "DOOR\tknocked\tIPv4\tIPv6")
	for _, d := range r.Doors {
		for _, k := range d.ByName() {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", d.Name, k.Name, k.V4, k.V6)
		}
	}
	t.Flush()
	fmt.Fprintln(w)
}

func printUnjudged(w io.Writer, r *result.Report) {
	if len(r.Unjudged) == 0 {
		return
	}
	fmt.Fprintln(w, "\nNOT JUDGED")
	for _, u := range r.Unjudged {
		fmt.Fprintf(w, "%s\n        %s\n", u.Says, u.Why)
	}
}

func printVisitors(w io.Writer, r *result.Report) {
	if len(r.Visitors) == 0 {
		return
	}
	t := table(w, "MEANWHILE\t\tvisits\tfailed\tmedian\tslowest")
	for _, p := range r.Visitors {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\n", p.Role, p.Service, p.Visits, p.Failures, result.Brief(p.Median), result.Brief(p.Slowest))
	}
	t.Flush()
	fmt.Fprintln(w)
}

func printPromises(w io.Writer, r *result.Report) {
	fmt.Fprintln(w, "PROMISES OF THE PROFILE")
	kept := 0
	for _, p := range r.Promises {
		word := "BROKEN"
		if p.Kept {
			word = "kept  "
			kept++
		}
		fmt.Fprintf(w, "%s  %s\n        %s\n", word, p.Says, p.Seen)
	}
	fmt.Fprintf(w, "\n%d of %d promises kept.\n", kept, len(r.Promises))
}
