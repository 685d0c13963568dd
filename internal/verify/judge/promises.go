// Package judge says which promises of a profile held. What is promised is read from
// the profile, and every promise is judged by what happened to packets, never by what
// rules say. It is a function of the profile and of the results of the attack.
package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/attack"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Promises returns every promise of a profile with a verdict. A promise that the
// profile does not make is left out.
func Promises(p *profile.Profile, r *result.Report, t result.Checks) []result.Promise {
	j := &judge{p: p, r: r}
	j.onlyStated()
	j.finding(t.Clients, "services-answer", "Services for everyone answer everyone")
	j.nothingClosed()
	j.nothingToOddPackets()
	j.bansInTime()
	j.patientBanned()
	j.tripwires()
	j.rawScansSeeNothing()
	j.systemHidden()
	j.bannedSeesNoMore()
	j.ipv6()
	j.doorsHold()
	j.visitorsUnhurt()
	j.finding(t.Forged, "forgery-harmless", "Probes with forged sources do not harm the owners of these addresses")
	j.finding(t.Known, "forgery-spares-the-known", "A client that has connected before keeps the services, whatever probes are forged from its address")
	j.finding(t.Filled, "network-fills-nothing", "A client that has connected before keeps the services also after another network has proved as many sources as it may")
	j.finding(t.Admins, "admin-reaches", "Admin addresses reach the services marked admin")
	j.finding(t.Members, "members-reach", "Services with `from` answer the addresses that they are for")
	j.finding(t.Blocked, "blocked-nothing", "A blocked source gets no answer at all")
	j.finding(t.Opened, "open-connection-goes-on", j.openedSays())
	j.finding(t.Retries, "retries-harmless", "A client that tries a closed port again and again is not banned, whatever probes others forge meanwhile")
	j.finding(t.Unserved, "unserved-silent", "A stated port at which no program listens does not answer")
	j.finding(t.Forwarded, "no-error-before-forward", "A packet to a forwarded port that is not forwarded gets no error")
	return j.promises
}

// judge collects promises.
type judge struct {
	p        *profile.Profile
	r        *result.Report
	promises []result.Promise
}

// rule adds a promise: broken if there is any evidence against it.
func (j *judge) rule(name, says string, against []string, kept string) {
	p := result.Promise{Name: name, Says: says, Kept: len(against) == 0, Seen: kept}
	if !p.Kept {
		p.Seen = few(against)
	}
	j.promises = append(j.promises, p)
}

// few joins the first three of many pieces of evidence.
func few(evidence []string) string {
	const most = 3
	text := strings.Join(evidence[:min(len(evidence), most)], "; ")
	if more := len(evidence) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// finding adds a promise that a check keeps or breaks, if the profile makes it.
func (j *judge) finding(f result.Finding, name, says string) {
	if f.Asked {
		j.rule(name, says, f.Against, few(f.Seen))
	}
}

// openedSays is the promise to a connection that is older than the rules.
func (j *judge) openedSays() string {
	says := "A connection that is open before the profile is applied goes on"
	if attack.SilentToAll(j.p) {
		says += ", and from its address and port no other port answers"
	}
	return says
}

// after are the maps of the profile in force.
func (j *judge) after() (maps []result.Map) {
	return slices.DeleteFunc(slices.Clone(j.r.Maps), func(m result.Map) bool { return m.View == result.Before })
}

func (j *judge) onlyStated() {
	var against []string
	for _, m := range j.after() {
		for _, port := range m.Open {
			if name := fmt.Sprintf("tcp/%d", port); !j.stated(name) {
				against = append(against, fmt.Sprintf("%s is open to the %s attacker over IPv%d", name, m.View, m.Family))
			}
		}
	}
	for _, a := range j.r.Attacks {
		for _, port := range a.OpenPorts {
			if !j.stated(port) {
				against = append(against, fmt.Sprintf("%s is open to %s over IPv%d", port, a.Name, a.Family))
			}
		}
	}
	j.rule("stated-only", "An unlisted source finds only the ports that the profile opens for everyone", against,
		fmt.Sprintf("%d open ports stay hidden, from %d scans and %d maps of all 65,536 ports", len(j.r.Hidden), len(j.r.Attacks), len(j.after())))
}

// stated reports whether everyone may see a port, such as "tcp/443", or a
// protocol: ICMP, "ip/1" and "ip/58", shows itself by an answer to a ping.
func (j *judge) stated(port string) bool {
	if port == "ip/1" || port == "ip/58" {
		return j.p.ICMP.EchoPerSource.Stated()
	}
	return slices.ContainsFunc(j.p.Services, func(s profile.Service) bool {
		return s.Public() && slices.ContainsFunc(s.Ports, func(r profile.Port) bool { return within(r, port) })
	})
}

func within(r profile.Port, port string) bool {
	var n int
	_, err := fmt.Sscanf(port, string(r.Protocol)+"/%d", &n)
	return err == nil && int(r.First) <= n && n <= int(r.Last)
}

func (j *judge) nothingClosed() {
	if j.p.Policy.Input != profile.Drop {
		return
	}
	var against []string
	for _, m := range j.after() {
		if m.Counts.Closed > 0 {
			against = append(against, fmt.Sprintf("%d ports answer the %s attacker \"closed\" over IPv%d", m.Counts.Closed, m.View, m.Family))
		}
	}
	for _, a := range j.r.Attacks {
		if a.Closed > 0 {
			against = append(against, fmt.Sprintf("%d ports answer %s over IPv%d", a.Closed, a.Name, a.Family))
		}
	}
	j.rule("nothing-closed", "No port says \"closed\": what is not open does not answer", against, "not one answer of \"closed\" or \"unfiltered\"")
}

func (j *judge) nothingToOddPackets() {
	if !j.p.Scan.Stealth {
		return
	}
	var against, names []string
	for _, a := range j.r.Attacks {
		if attack.ScanNamed(a.Name).Sees {
			continue
		}
		if a.Family == 4 {
			names = append(names, a.Name)
		}
		if a.Open+a.Closed > 0 {
			against = append(against, fmt.Sprintf("%s over IPv%d gets %d answers", a.Name, a.Family, a.Open+a.Closed))
		}
	}
	j.rule("odd-packets-nothing", "Packets that open no connection get no answer, not even from open services", against,
		strings.Join(names, ", ")+": no answer from any port")
}

// bansInTime judges the counts: a source has its free probes, and the next
// one bans it.
func (j *judge) bansInTime() {
	due := int(j.p.Scan.Probes) + 1
	if due == 1 {
		return
	}
	var against, names []string
	for _, l := range j.r.BanCounts {
		if l.Kind == result.Tripwire || !attack.KindNamed(l.Kind).Counts(j.p) {
			continue
		}
		if l.Family == 4 {
			names = append(names, l.Kind)
		}
		switch {
		case l.BannedAt == 0:
			against = append(against, fmt.Sprintf("%s over IPv%d: no ban after %d probes", l.Kind, l.Family, l.Sent))
		case l.BannedAt > due:
			against = append(against, fmt.Sprintf("%s over IPv%d: banned only by probe %d", l.Kind, l.Family, l.BannedAt))
		}
	}
	j.rule("banned-in-time", fmt.Sprintf("A scanner is banned by probe %d", due), against,
		fmt.Sprintf("%s: banned by probe %d, over IPv4 and IPv6", strings.Join(names, ", "), due))
}

// tripwires judges that one probe is enough.
func (j *judge) tripwires() {
	if j.p.Scan.Probes == 0 || len(j.p.Scan.Tripwires) == 0 {
		return
	}
	var against []string
	for _, l := range j.r.BanCounts {
		if l.Kind == result.Tripwire && l.BannedAt == 0 {
			against = append(against, fmt.Sprintf("no ban over IPv%d", l.Family))
		}
	}
	j.rule("tripwire-bans", "One packet to a tripwire port bans", against, fmt.Sprintf("%s: banned by the first probe", j.p.Scan.Tripwires[0]))
}

// rawScansSeeNothing judges that SYNs as only scanners send them find no port,
// not even the public ones. A scan by connect is a customer's.
func (j *judge) rawScansSeeNothing() {
	if !j.p.Scan.Fingerprint && !j.p.Scan.DontFragment {
		return
	}
	var against, names []string
	for _, a := range j.r.Attacks {
		if known := attack.ScanNamed(a.Name); known.Kind != "SYN" || known.Dials || !j.hides(known) {
			continue
		}
		names = append(names, fmt.Sprintf("%s over IPv%d", a.Name, a.Family))
		if a.Open > 0 {
			against = append(against, fmt.Sprintf("%s over IPv%d finds %s", a.Name, a.Family, strings.Join(a.OpenPorts, ", ")))
		}
	}
	j.rule("raw-scans-see-nothing", "Half-open scans find no port, not even the public ones", against, few(names)+": no open port")
}

// hides reports whether the profile says that a half-open scan finds nothing.
func (j *judge) hides(a attack.Scan) bool {
	if a.Copies {
		return j.p.Scan.DontFragment
	}
	return j.p.Scan.Fingerprint
}

// systemHidden judges nmap's guesses: one needs an open and a closed port that
// answer its own kind of SYN.
func (j *judge) systemHidden() {
	if !j.p.Scan.Fingerprint || len(j.r.Guesses) == 0 {
		return
	}
	var against []string
	for _, g := range j.r.Guesses {
		if g.After != result.NoMatch {
			against = append(against, fmt.Sprintf("over IPv%d it is %s", g.Family, g.After))
		}
	}
	j.rule("system-hidden", "nmap -O cannot identify the system", against, "no match, over IPv4 and IPv6")
}

// bannedSeesNoMore judges the map that a single source could draw: with the
// scope "everything" it loses what is public too.
func (j *judge) bannedSeesNoMore() {
	if j.p.Scan.Probes == 0 {
		return
	}
	says := "A scan of all ports from one address is banned, and finds only public ports"
	if j.p.Scan.Scope == profile.Everything {
		says = "A scan of all ports from one address is banned, and loses the public ports too"
	}
	var against, kept []string
	for _, m := range j.r.Maps {
		if m.View != result.Single {
			continue
		}
		hidden := 0
		for _, port := range m.Open {
			if !j.stated(fmt.Sprintf("tcp/%d", port)) {
				hidden++
			}
		}
		if m.BannedAt == 0 {
			against = append(against, fmt.Sprintf("no ban over IPv%d after 65,536 ports", m.Family))
		}
		if hidden > 0 {
			against = append(against, fmt.Sprintf("%d hidden ports are open to one source over IPv%d", hidden, m.Family))
		}
		kept = append(kept, fmt.Sprintf("IPv%d: banned %.0f ms after the first packet, %d ports seen", m.Family, 1000*(m.BannedAt-m.Start), m.Counts.Open))
	}
	j.rule("one-source-learns-nothing", says, against, strings.Join(kept, "; "))
}

// ipv6 judges that the second door is as shut as the first.
func (j *judge) ipv6() {
	var against []string
	if !j.p.Policy.IPv6 {
		for _, m := range j.after() {
			if m.Family == 6 && m.Counts.Open > 0 {
				against = append(against, fmt.Sprintf("%d ports are open over IPv6", m.Counts.Open))
			}
		}
		j.rule("ipv6-closed", "Nothing is open over IPv6", against, "no open port over IPv6")
		return
	}
	open := map[int][]uint16{}
	for _, m := range j.r.Maps {
		if m.View == result.Patient {
			open[m.Family] = m.Open
		}
	}
	if !slices.Equal(open[4], open[6]) {
		against = append(against, fmt.Sprintf("open over IPv4: %s; over IPv6: %s", result.PortList(open[4]), result.PortList(open[6])))
	}
	j.rule("ipv6-the-same", "IPv6 shows the same ports as IPv4", against, fmt.Sprintf("the same %d TCP ports", len(open[4])))
}

// visitorsUnhurt judges what the visitors noticed of the attacks.
func (j *judge) visitorsUnhurt() {
	for _, p := range j.r.Visitors {
		var against []string
		if p.Failures > 0 {
			against = append(against, fmt.Sprintf("%d of %d visits failed; %s", p.Failures, p.Visits, p.Error))
		}
		if p.Visits == 0 {
			against = append(against, "no visit took place")
		}
		j.rule(p.Role+"-unhurt", "Attacks cost the "+p.Role+" nothing", against,
			fmt.Sprintf("%d visits to %s, none failed, the slowest took %s", p.Visits, p.Service, result.Brief(p.Slowest)))
	}
}
