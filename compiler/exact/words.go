package exact

import "strings"

// phrase is how a match that is a Fact is said: what it is if it holds, and if not. %
// stands for the word behind the option.
type phrase struct{ begins, holds, denied string }

// phrases are for the matches that profiles and common firewalls use.
var phrases = []phrase{
	{"-m limit --limit", "the limit % has room", "the limit % is used up"},
	{"-m hashlimit --hashlimit-upto", "the source is within %", "the source is above %"},
	{"-m hashlimit --hashlimit-above", "the source is above %", "the source is within %"},
	{"-m connlimit --connlimit-above", "the source has more than % connections", "the source has at most % connections"},
	{"-m connlimit --connlimit-upto", "the source has at most % connections", "the source has more than % connections"},
	{"-m tcp --tcp-option", "the segment has TCP option %", "the segment has no TCP option %"},
	{"-m addrtype --dst-type", "the destination is a % address", "the destination is not a % address"},
	{"-m addrtype --src-type", "the source is a % address", "the source is not a % address"},
	{"-m socket", "a program waits for the packet", "no program waits for the packet"},
	{"-m owner --socket-exists", "a socket of this host sends the packet", "no socket of this host sends the packet"},
	{"-m conntrack --ctorigdstport", "the connection was opened to port %", "the connection was opened to another port than %"},
	{"-m rpfilter", "an answer would leave by the interface that the packet came in by", "an answer would leave by another interface"},
}

// sayAsked says whether a match holds.
func sayAsked(f Fact, holds bool) string {
	if f.Denial != "" {
		return map[bool]string{true: f.Text, false: f.Denial}[holds]
	}
	of := ""
	if f.Which > 0 {
		of = " of another rule"
	}
	for _, p := range phrases {
		rest, found := strings.CutPrefix(f.Text+" ", p.begins+" ")
		if !found {
			continue
		}
		value, _, _ := strings.Cut(rest, " ")
		text := p.denied
		if holds {
			text = p.holds
		}
		if strings.HasSuffix(text, "connections") { // of which each rule counts those that come to it
			text, of = text+strings.Replace(of, "of", "to", 1), ""
		}
		return strings.ReplaceAll(text, "%", strings.ToLower(value)+of)
	}
	if holds {
		return f.Text + of + " holds"
	}
	return f.Text + of + " does not hold"
}
