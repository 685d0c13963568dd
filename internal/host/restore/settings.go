package restore

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/internal/host/setting"
)

// settings writes the kernel settings of the file that do not have their value:
// what read it at boot may have done so before the kernel had conntrack,
// which came with the rules. What cannot be changed from here, as what belongs to
// the machine in a container, is said and is not an error.
func (l *loading) settings() error {
	if err := l.files.read(l.files.Sysctl); err != nil {
		return err
	}
	have, want, err := l.site.Settings.Read(l.site.Settings.Here(setting.InSysctlFile(l.files.Sysctl.Text)))
	if err != nil {
		return err
	}
	var failed error
	written := 0
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if have[key].Same(want[key]) {
			continue
		}
		if why := have[key].Unreachable; why != "" {
			l.say(fmt.Sprintf("%s of %s is out of reach: %s", key, l.files.Sysctl.Path, why))
			continue
		}
		if err := l.site.Settings.Write(want[key]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %s: %w", l.files.Sysctl.Path, key, err))
			continue
		}
		written++
	}
	l.say(fmt.Sprintf("kernel settings of %s: %d had to be set", l.files.Sysctl.Path, written))
	return failed
}
