package restore

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// BansUnder returns where the entries of kept sets wait for the next boot of the
// host whose files are below root: lines of `ipset restore`, each with the time that
// was left when they were written, behind a line that says when that was.
func BansUnder(root string) string { return filepath.Join(root, "var/lib/hardenctl/bans") }

// savedAt begins the first line of that file.
const savedAt = "# Saved by hardenctl at "

// SaveBans writes what the kept sets hold, for the next boot. Without kept sets
// it does nothing. It is for a shutdown, when no packet adds to them any more.
func SaveBans(p dataplane.Plane, files Files, now time.Time) error {
	names := files.kept()
	if len(names) == 0 {
		return nil
	}
	text := fmt.Appendf(nil, "%s%s\n", savedAt, now.UTC().Format(time.RFC3339))
	for _, name := range names {
		for e, err := range p.Sets.Members(name) {
			if err != nil {
				return fmt.Errorf("bans were not saved: %w", err)
			}
			text = append(text, banLine(name, e)...)
		}
	}
	return p.Files.Replace(files.Bans.Path, text)
}

// kept names the sets whose entries outlive a reboot.
func (f Files) kept() []string { return strings.Fields(string(f.Kept.Text)) }

// banLine is an entry in the form of `ipset save`: the set knows to which length
// it cuts addresses, and a timeout of 0 is for good.
func banLine(name string, e kernelset.Entry) string {
	left := setfile.Option{Name: "timeout", Value: strconv.Itoa(max(0, int(e.Timeout.Seconds())))}
	return setfile.Entry{Set: name, Element: e.Prefix.Addr().String(), Options: []setfile.Option{left}}.String() + "\n"
}

// bans puts back what the kept sets held when the host went down, less the time
// for which it was. A clock that shows a time before that moment, as on a machine
// without one of its own, counts as no time at all. Sets that hold anything are
// left alone: the host has been up, and a person may have lifted a ban.
func (l *loading) bans(now time.Time) error {
	names := l.files.kept()
	if len(names) == 0 || l.files.Bans.Text == nil {
		return nil
	}
	entries, err := readBans(l.files.Bans.Text, names, now)
	if err != nil {
		return fmt.Errorf("%s: %w; the bans from before the reboot are lost", l.files.Bans.Path, err)
	}
	n := 0
	for _, name := range names {
		h, err := l.site.Sets.Lookup(name)
		if err != nil {
			return err
		}
		if h.Entries > 0 {
			continue
		}
		if err := l.site.Sets.AddEntries(name, entries[name]); err != nil {
			return err
		}
		n += len(entries[name])
	}
	l.say(fmt.Sprintf("%d bans and memories of before the boot are in force", n))
	return nil
}

// readBans returns the entries of a file that have time left, by set.
func readBans(text []byte, names []string, now time.Time) (map[string][]kernelset.Entry, error) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	stamp, found := strings.CutPrefix(string(first), savedAt)
	saved, err := time.Parse(time.RFC3339, stamp)
	if !found || err != nil {
		return nil, errors.New("the first line does not say when it was saved")
	}
	passed := max(0, now.Sub(saved))
	entries := map[string][]kernelset.Entry{}
	for line := range setfile.Lines(string(rest)) {
		e, err := readBan(line)
		if err != nil {
			return nil, err
		}
		if e.Timeout != kernelset.Forever {
			if e.Timeout -= passed; e.Timeout < time.Second {
				continue
			}
		}
		if slices.Contains(names, line.Set) {
			entries[line.Set] = append(entries[line.Set], e)
		}
	}
	return entries, nil
}

// readBan reads "add NAME ADDRESS timeout SECONDS".
func readBan(line setfile.Line) (e kernelset.Entry, err error) {
	entry := line.Entry()
	left, expires := entry.Value("timeout")
	if line.Command != setfile.Add || !expires || len(entry.Options) != 1 {
		return e, fmt.Errorf("%.80q is not an entry of a set", line.Text)
	}
	addr, err := netip.ParseAddr(entry.Element)
	if err != nil {
		return e, fmt.Errorf("%.80q: %w", line.Text, err)
	}
	seconds, err := strconv.ParseUint(left, 10, 31)
	if err != nil {
		return e, fmt.Errorf("%.80q: %w", line.Text, err)
	}
	e.Prefix = netip.PrefixFrom(addr, addr.BitLen())
	e.Timeout = time.Duration(seconds) * time.Second
	if seconds == 0 {
		e.Timeout = kernelset.Forever
	}
	return e, nil
}
