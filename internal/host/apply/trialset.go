package apply

import (
	"errors"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// everywhere are the two halves of all addresses: a hash:net set takes no /0.
var everywhere = map[ruleset.Family][]netip.Prefix{
	ruleset.V4: {netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/1")},
	ruleset.V6: {netip.MustParsePrefix("::/1"), netip.MustParsePrefix("8000::/1")},
}

// arm lets the trial sets hold every address for a time, which the kernel rounds up
// to whole seconds; kernelset.Forever needs a confirm to end it.
func (site Site) arm(left time.Duration) error {
	if left <= 0 && left != kernelset.Forever {
		return errors.New("the trial's time was over before the trial began; use a longer --confirm-within")
	}
	for _, family := range ruleset.Families {
		var entries []kernelset.Entry
		for _, half := range everywhere[family] {
			entries = append(entries, kernelset.Entry{Prefix: half, Timeout: left})
		}
		if err := site.Sets.AddEntries(trial.SetNames[family], entries); err != nil {
			return err
		}
	}
	return nil
}

// disarm empties the trial sets, if there are any.
func (site Site) disarm() error {
	var failed error
	for _, name := range trial.SetNames {
		if err := site.Sets.Flush(name); !errors.Is(err, kernelset.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Armed reports whether the trial sets hold every address: whether a trial still
// counts for packets. Their time runs in the kernel (jiffies, which no clock that
// is set, and no other time namespace, changes), and ends no sooner than the
// deadline, since it is rounded up.
func (site Site) Armed() (bool, error) {
	for _, family := range ruleset.Families {
		n := 0
		for _, err := range site.Sets.Members(trial.SetNames[family]) {
			if errors.Is(err, kernelset.ErrNotFound) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			n++
		}
		if n != len(everywhere[family]) {
			return false, nil
		}
	}
	return true, nil
}
