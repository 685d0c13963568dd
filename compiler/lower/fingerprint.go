package lower

import "hardenctl/compiler/ruleset"

// rawWindow is the largest window of a SYN that scanners make by themselves:
// nmap's half-open scan sends 1024, and the probes of its -O from 1 to 512
// (FPEngine.cc). The stacks of computers and phones send 8192 and more.
const rawWindow = 1024

// Kinds of TCP options (RFC 9293, RFC 7323, RFC 2018).
const (
	maximumSegmentSize = 2
	windowScale        = 3
	sackPermitted      = 4
	timestamps         = 8
)

// fingerprint takes a SYN that no computer's or phone's stack sends for a probe,
// whatever port it is sent to. Each of those states a maximum segment size and,
// since Windows 98 and Linux 2.2, at least one of the three other options;
// none opens a connection through IPv6 extension headers, behind which the
// window would not be seen.
func (f *filter) fingerprint() []ruleset.Rule {
	if !f.profile.Scan.Fingerprint {
		return nil
	}
	p, probe := f.scan(), f.probe()
	var rules []ruleset.Rule
	if f.family == ruleset.V6 {
		rules = append(rules, p.rule("extension headers", probe, ruleset.Extended{}))
	}
	rules = append(rules,
		p.rule("small window", probe, ruleset.TCPWindow{Family: f.family, Most: rawWindow}),
		p.rule("no segment size", probe, without(maximumSegmentSize)),
		p.rule("no other options", probe, without(sackPermitted), without(timestamps), without(windowScale)))
	syn := ruleset.TCPFlags{Mask: handshake, Set: ruleset.SYN}
	return []ruleset.Rule{p.rule("fingerprint", f.chain("FINGERPRINT", rules), syn)}
}

func without(option uint8) ruleset.TCPOption { return ruleset.TCPOption{Kind: option, Not: true} }
