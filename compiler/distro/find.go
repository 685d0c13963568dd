package distro

import (
	"cmp"
	"slices"
	"strings"
)

// Host is a host as the table knows it.
type Host struct {
	// Kernel is the row of the kernel that runs, and Packages that of the
	// distribution, by which packages are named. Nil where the table has none.
	Kernel, Packages *Distribution
}

// Find returns the rows of a host, from the text of its /etc/os-release and the
// release of its kernel. Of a version that the table does not have only the
// packages are known, from another version or from the distribution that it is
// like.
func Find(osRelease, release string) Host {
	fields := parse(osRelease)
	rows := All()
	var host Host
	for i, row := range rows {
		switch {
		case row.Release != "" && strings.Contains(release, row.Release):
			host.Kernel = &rows[i]
		case slices.Contains(row.IDs, fields["ID"]) && hasVersion(row, fields["VERSION_ID"]):
			host.Packages, host.Kernel = &rows[i], cmp.Or(host.Kernel, &rows[i])
		}
	}
	if host.Packages == nil {
		host.Packages = alike(rows, append([]string{fields["ID"]}, strings.Fields(fields["ID_LIKE"])...))
	}
	return host
}

// hasVersion reports whether a version is one of the row's: 9.4 is 9, and 22.04
// is 22.04 alone.
func hasVersion(row Distribution, version string) bool {
	major, _, _ := strings.Cut(version, ".")
	return slices.Contains(row.Versions, version) || slices.Contains(row.Versions, major)
}

// alike returns the last row of the first ID that has any.
func alike(rows []Distribution, ids []string) *Distribution {
	for _, id := range ids {
		for i := len(rows) - 1; i >= 0; i-- {
			if slices.Contains(rows[i].IDs, id) {
				return &rows[i]
			}
		}
	}
	return nil
}

// parse returns the assignments of an os-release file, without their quotes.
func parse(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			fields[key] = strings.Trim(value, `"'`)
		}
	}
	return fields
}
