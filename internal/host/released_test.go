package host_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bootfile"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host"
)

// The places of settings of each kind, and of one of each interface.
const (
	udpStream = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream"
	hashsize  = "/sys/module/nf_conntrack/parameters/hashsize"
	gro       = "eth0 gro"
	filterOf  = "/proc/sys/net/ipv4/conf/%/rp_filter"
)

// Entries that state them.
var (
	statesStream = bundle.SettingEntry{Key: "net.netfilter.nf_conntrack_udp_timeout_stream", Value: "30"}
	statesHash   = bundle.SettingEntry{Module: "nf_conntrack", Option: "hashsize", Value: "65536"}
	statesGRO    = bundle.SettingEntry{NIC: "eth0", Option: "gro", Value: "off"}
	statesFilter = bundle.SettingEntry{Key: "net.ipv4.conf.*.rp_filter", Value: "1"}
)

// stating is a bundle that states these settings, and no others.
func stating(profile string, settings ...bundle.SettingEntry) *bundle.Bundle {
	b := site(profile, 443)
	m := b.Manifest
	m.Settings = settings
	files := slices.DeleteFunc(slices.Clone(b.Files), func(f bundle.File) bool { return f.Name == bundle.Sysctl })
	return bundle.Seal(append(files, bootfile.Files(settings)...), m)
}

// newKernel is a host whose kernel has settings of each kind.
func newKernel(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.Settings[udpStream], b.Settings[hashsize], b.Settings[gro] = "120", "16384", "on"
	for interfaces, value := range map[string]string{"default": "0", "eth0": "2"} {
		b.Settings[strings.Replace(filterOf, "%", interfaces, 1)] = value
	}
	return b
}

// reads returns the reading of a bundle.
func (b *bench) reads(target *bundle.Bundle) *host.Reading {
	b.t.Helper()
	r, err := b.host.Read(context.Background(), target)
	b.must(err)
	return r
}

// plans makes sure of what a plan says of settings: its lines and its notes.
func (b *bench) plans(target *bundle.Bundle, want ...string) {
	b.t.Helper()
	var got []string
	r := b.reads(target)
	var text strings.Builder
	b.must(r.Plan.Print(&text, false, true))
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimSpace(line); strings.Contains(line, "no longer stated") {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("the plan of %s says\n%s\nnot\n%s", target.Manifest.Profile, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// applied applies bundles, one after the other, and makes sure that each is then as
// planned.
func (b *bench) applied(all ...*bundle.Bundle) {
	b.t.Helper()
	for _, one := range all {
		b.comes(host.Confirmed, b.apply(one, 0))
		if p := b.reads(one).Plan; !p.Empty() {
			b.t.Errorf("after an apply of %s its plan has %+v", one.Manifest.Profile, p.Changes)
		}
	}
}

func (b *bench) hold(place, want string) {
	b.t.Helper()
	if got := b.Settings[place]; got != want {
		b.t.Errorf("%s is %s, not %s", place, got, want)
	}
}

// A setting of any kind that a profile no longer states gets the value that it had
// before, and the plan says so.
func TestNoLongerStated(t *testing.T) {
	b := newKernel(t)
	before := b.String()
	b.applied(stating("web.toml", statesStream, statesHash, statesGRO, statesFilter))
	b.hold(gro, "off")
	database := stating("database.toml")
	b.plans(database,
		"~ eth0 gro: off -> on (no longer stated; value before hardenctl)",
		"~ net.ipv4.conf.default.rp_filter: 1 -> 0 (no longer stated; value before hardenctl)",
		"~ net.ipv4.conf.eth0.rp_filter: 1 -> 2 (no longer stated; value before hardenctl)",
		"~ net.netfilter.nf_conntrack_udp_timeout_stream: 30 -> 120 (no longer stated; value before hardenctl)",
		"~ nf_conntrack.hashsize: 65536 -> 16384 (no longer stated; value before hardenctl)")
	b.applied(database)
	b.plans(database)
	for place, value := range b.Settings {
		if !strings.Contains(before, place+" = "+value+"\n") {
			t.Errorf("%s is %s", place, value)
		}
	}
	for path, text := range b.Files {
		if strings.Contains(string(text), "udp_timeout") || strings.Contains(string(text), "hashsize=") {
			t.Errorf("%s says\n%s", path, text)
		}
	}
}

// A profile that states one interface releases the others.
func TestNoLongerStatedOfOthers(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("web.toml", statesFilter), stating("eth0.toml", bundle.SettingEntry{Key: "net/ipv4/conf/eth0/rp_filter", Value: "1"}))
	b.hold(strings.Replace(filterOf, "%", "default", 1), "0")
	b.hold(strings.Replace(filterOf, "%", "eth0", 1), "1")
	b.applied(stating("none.toml"))
	b.hold(strings.Replace(filterOf, "%", "eth0", 1), "2")
}

// What somebody has changed by hand since stays, and so it does if it was hardenctl's
// value at the time of the plan.
func TestNoLongerStatedAndChanged(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("web.toml", statesStream))
	b.Settings[udpStream] = "60"
	database := stating("database.toml")
	b.plans(database, "Note: no longer stated: net.netfilter.nf_conntrack_udp_timeout_stream. Somebody has changed it since hardenctl set it to 30, so 60 stays")
	b.applied(database)
	b.hold(udpStream, "60")
	b.plans(database) // it is not hardenctl's any more

	// Stated anew, it is restored to what it was just before.
	b.applied(stating("web.toml", statesStream), database)
	b.hold(udpStream, "60")
}

// A change by hand that an apply has undone is not what was before hardenctl.
func TestNoLongerStatedAfterDrift(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("web.toml", statesStream))
	b.Settings[udpStream] = "60"
	b.applied(stating("web.toml", statesStream), stating("database.toml"))
	b.hold(udpStream, "120")
}

// A setting out of reach was not changed, so that nothing is to be restored; nor is
// that of an interface that has gone, and one that has come has no value to restore.
func TestNoLongerStatedOutOfReach(t *testing.T) {
	b := newKernel(t)
	delete(b.Settings, hashsize)
	b.applied(stating("web.toml", statesHash, statesFilter))
	delete(b.Settings, strings.Replace(filterOf, "%", "eth0", 1))
	b.Settings[strings.Replace(filterOf, "%", "eth1", 1)] = "1"
	b.Settings[strings.Replace(filterOf, "%", "eth2", 1)] = "1"
	database := stating("database.toml")
	b.plans(database,
		"~ net.ipv4.conf.default.rp_filter: 1 -> 0 (no longer stated; value before hardenctl)",
		"Note: no longer stated: net.ipv4.conf.eth1.rp_filter and 1 more. The value before hardenctl is not known, so 1 stays until the next boot")
	b.applied(database)
	b.hold(strings.Replace(filterOf, "%", "eth1", 1), "1")
}

// A rollback over several generations restores what only later ones have stated.
func TestRollbackReleases(t *testing.T) {
	b := newKernel(t)
	one, two := stating("1.toml"), stating("2.toml", statesStream)
	b.applied(one, two, stating("3.toml", statesStream, statesHash), stating("4.toml", statesStream, statesGRO))
	b.hold(hashsize, "16384")
	b.applied(two)
	b.hold(udpStream, "30")
	b.hold(gro, "on")
	b.applied(one)
	b.hold(udpStream, "120")

	before, err := b.host.Generations.Before()
	b.must(err)
	for _, e := range before.Manifest.Settings {
		t.Errorf("hardenctl still holds %+v", e)
	}
}

// After a rollback to before hardenctl a setting is not held any more.
func TestHeldAfterRollbackToBefore(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("web.toml", statesStream))
	before, err := b.host.Generations.Before()
	b.must(err)
	b.applied(before)
	b.hold(udpStream, "120")
	b.Settings[udpStream] = "60"
	b.plans(stating("database.toml"))
	b.applied(stating("web.toml", statesStream))
	before, err = b.host.Generations.Before()
	b.must(err)
	b.applied(before)
	b.hold(udpStream, "60")
}

// The value before hardenctl outlives the generations that found it.
func TestOriginalsOutlivePruning(t *testing.T) {
	b := newKernel(t)
	b.host.Generations.Most = 2
	b.applied(stating("1.toml"), stating("2.toml", statesStream, statesGRO))
	for _, ttl := range []string{"1", "2", "3", "4"} {
		b.applied(stating(ttl, statesStream, bundle.SettingEntry{Key: "net.ipv4.ip_default_ttl", Value: ttl}))
	}
	if left, _ := filepath.Glob(b.host.Generations.Folder + "/[0-9]*"); len(left) != 3 {
		t.Fatalf("left are %q", left)
	}
	before, err := b.host.Generations.Before()
	b.must(err)
	if n := len(before.Manifest.Settings); n != 2 || before.Manifest.Settings[1].Value != "120" {
		t.Errorf("before hardenctl was %+v", before.Manifest.Settings)
	}
	b.applied(stating("database.toml"))
	b.hold(udpStream, "120")
	b.hold(ttl, "64")
}

// earlier makes a generation one of an earlier version, which kept no original values.
func (b *bench) earlier(number string) {
	b.t.Helper()
	folder := filepath.Join(b.host.Generations.Folder, number, "before")
	sums, err := os.ReadFile(folder + "/sha256sums")
	b.must(err)
	var left strings.Builder
	for line := range strings.Lines(string(sums)) {
		if !strings.Contains(line, "original-settings") {
			left.WriteString(line)
		}
	}
	b.must(os.WriteFile(folder+"/sha256sums", []byte(left.String()), 0o600))
	b.must(os.Remove(folder + "/original-settings"))
}

// Of generations of earlier versions, the one that first stated a setting tells; if it
// was pruned, the plan says that the setting stays.
func TestOriginalsOfEarlierVersions(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("1.toml", statesGRO), stating("2.toml", statesGRO, statesStream), stating("3.toml", statesStream, statesGRO))
	for _, number := range []string{"1", "2", "3"} {
		b.earlier(number)
	}
	database := stating("database.toml")
	b.plans(database,
		"~ eth0 gro: off -> on (no longer stated; value before hardenctl)",
		"~ net.netfilter.nf_conntrack_udp_timeout_stream: 30 -> 120 (no longer stated; value before hardenctl)")
	b.must(os.RemoveAll(b.host.Generations.Folder + "/2"))
	b.plans(database,
		"~ eth0 gro: off -> on (no longer stated; value before hardenctl)",
		"Note: no longer stated: net.netfilter.nf_conntrack_udp_timeout_stream. The value before hardenctl is not known, so 30 stays until the next boot")
	b.applied(stating("4.toml", statesStream)) // which does not make it known
	b.plans(database, "Note: no longer stated: net.netfilter.nf_conntrack_udp_timeout_stream. The value before hardenctl is not known, so 30 stays until the next boot")
	b.applied(database)
	b.hold(udpStream, "30")
	b.hold(gro, "on")
}

// An earlier version did not restore what it released: the next apply does.
func TestLeftByEarlierVersions(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("1.toml", statesStream), stating("2.toml"))
	b.earlier("1")
	b.earlier("2")
	b.plans(stating("3.toml")) // as after a boot
	b.Settings[udpStream] = "30"
	b.plans(stating("3.toml"), "~ net.netfilter.nf_conntrack_udp_timeout_stream: 30 -> 120 (no longer stated; value before hardenctl)")
	b.applied(stating("3.toml"))
	b.hold(udpStream, "120")
}

// A rollback to before hardenctl by an earlier version has restored all settings.
func TestRestoredByEarlierVersions(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("1.toml", statesStream))
	before, err := b.host.Generations.Before()
	b.must(err)
	b.applied(before)
	b.earlier("1")
	b.earlier("2")
	b.Settings[udpStream] = "30" // by hand
	b.plans(stating("3.toml"))
}

// A generation that cannot be read stops no apply.
func TestOriginalsUnread(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("1.toml", statesStream))
	b.must(os.WriteFile(b.host.Generations.Folder+"/1/before/settings", nil, 0o600))
	r := b.reads(stating("2.toml", statesGRO))
	if !slices.ContainsFunc(r.Plan.Notes, func(n string) bool {
		return strings.HasPrefix(n, "kernel settings that are no longer stated stay until the next boot: ") && strings.Contains(n, "before/settings is not as it was written")
	}) {
		t.Errorf("the plan notes %q", r.Plan.Notes)
	}
	b.comes(host.Confirmed, b.apply(stating("2.toml", statesGRO), 0))
	b.plans(stating("3.toml"), "Note: no longer stated: eth0 gro. The value before hardenctl is not known, so off stays until the next boot")
}

// A trial restores what is no longer stated; whatever ends it, the setting is what it
// was before the trial. A plan in the trial compares with what is on trial.
func TestTrialReleases(t *testing.T) {
	database := stating("database.toml", statesGRO)
	for name, end := range map[string]func(b *bench){
		"reverted": func(b *bench) { b.comes(host.Reverted, b.revert()) },
		"over":     func(b *bench) { b.afterwards() },
	} {
		b := newKernel(t)
		web := stating("web.toml", statesStream)
		b.applied(web)
		before := b.String()
		b.comes(host.OnTrial, b.apply(database, time.Minute))
		b.hold(udpStream, "120")
		b.plans(database)
		b.plans(web, "~ eth0 gro: off -> on (no longer stated; value before hardenctl)")
		end(b)
		b.is(name, before)
		b.plans(web)
	}
	b := newKernel(t)
	b.applied(stating("web.toml", statesStream))
	b.comes(host.OnTrial, b.apply(database, time.Minute))
	b.comes(host.Confirmed, b.confirm())
	b.hold(udpStream, "120")
	b.plans(database)
}

// Somebody who sets it back in the trial is noticed.
func TestReleasedAndChangedInTheTrial(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("web.toml", statesStream))
	b.comes(host.OnTrial, b.apply(stating("database.toml"), time.Minute))
	b.Settings[udpStream] = "30"
	if o := b.confirm(); o.Status != host.OnTrial || !strings.Contains(o.Err.Error(), `setting net.netfilter.nf_conntrack_udp_timeout_stream is "30", not "120"`) {
		t.Errorf("the host is %v: %v", o.Status, o.Err)
	}
}

// What is restored is read back at the end of an apply.
func TestReleasedIsReadBack(t *testing.T) {
	b := newKernel(t)
	b.applied(stating("web.toml", statesStream))
	b.Break = func(_ int, operation string) error {
		if operation == "add hardenctl_trial_v6" && b.Settings[udpStream] == "120" { // in the confirm
			b.Settings[udpStream] = "30"
		}
		return nil
	}
	o := b.apply(stating("database.toml"), 0)
	if o.Status != host.Reverted || !strings.Contains(o.Err.Error(), "the first is ~ setting net.netfilter.nf_conntrack_udp_timeout_stream") {
		t.Errorf("the host is %v: %v", o.Status, o.Err)
	}
}
