package failpoints

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// field is where commands are damaged: a server with its administrator, who has
// a session open all the while, and a knocker, whose door the new profile shuts.
type field struct {
	old, fresh     string // the profiles
	admin, knocker *lab.Host
	sessions       []net.Conn
}

// The doors of the server: the administrator's, and the knocker's under the old
// profile and under the new one.
const adminDoor, oldDoor, newDoor = 2022, 80, 8443

func newField(t *testing.T) *field {
	t.Helper()
	network := lab.NewNetwork(t)
	f := &field{
		old: testfile.Write(t, "old.toml", oldFailprofile), fresh: testfile.Write(t, "new.toml", newFailprofile),
		admin:   network.Host("admin", "192.0.2.10/24", "2001:db8::10/64"),
		knocker: network.Host("knocker", "192.0.2.20/24", "2001:db8::20/64"),
	}
	lab.Serve(t, "tcp", oldDoor)
	lab.Serve(t, "tcp", newDoor)
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", adminDoor))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go echoAll(l)
	f.sessions = make([]net.Conn, 2)
	t.Cleanup(func() { stage.Wipe(t) })
	return f
}

func echoAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

// getsIn waits until a door opens to a host.
func getsIn(t *testing.T, from *lab.Host, door int) {
	t.Helper()
	for _, server := range traffic.Servers {
		address := net.JoinHostPort(server, fmt.Sprint(door))
		lab.Await(t, "a connection from "+from.Name()+" to "+address, func() bool { return traffic.Connects(from, address, false) })
	}
}

// adminIsIn checks that the administrator's sessions live, and that he could log
// in anew. A session that has died is opened again for the next check.
func (f *field) adminIsIn(t *testing.T) {
	t.Helper()
	for i, server := range traffic.Servers {
		if f.sessions[i] == nil {
			conn, err := f.admin.Dial("tcp", net.JoinHostPort(server, fmt.Sprint(adminDoor)), lab.Patience)
			require.NoError(t, err)
			f.sessions[i] = conn
		}
		c := f.sessions[i]
		c.SetDeadline(time.Now().Add(lab.Patience))
		_, err := c.Write([]byte("x"))
		if _, unread := io.ReadFull(c, make([]byte, 1)); err != nil || unread != nil {
			t.Errorf("the administrator's session to %s has died: %v", server, errors.Join(err, unread))
			c.Close()
			f.sessions[i] = nil
		}
	}
	getsIn(t, f.admin, adminDoor)
}

// column is a slot of the table, for one command.
type column struct {
	slot
	act
	f *field
	// points are those of a run in peace.
	points []failpoint
	*promise.Promises
	// states are those of which each part of the host has one.
	states []stage.Picture
	kept   []string // the files that hardenctl keeps on the old host
	ready  bool     // the host is the old one
	missed int      // points that a run did not come to
}

// record runs the command in peace, and learns from it what there is to damage,
// and what the host is before and after.
func (f *field) record(t *testing.T, a act, s slot) *column {
	t.Helper()
	lab.UseBackend(t, s.backend)
	c := &column{slot: s, act: a, f: f}
	c.isReady(t)
	f.adminIsIn(t) // an open connection, which an apply tells conntrack of
	c.Promises = &promise.Promises{Profile: f.fresh, Old: trials.Lasting(t), Theirs: trials.ForeignObjects(t), Written: promise.Written(t)}
	c.kept = keptFiles(t)
	c.begin(t, f, s.repeat)
	begun := trials.Lasting(t)
	r := trace(t, a.login, a.args(f), func(failpoint) damage { return none })
	if r.wait(t); r.Code() != 0 {
		t.Fatalf("%s in peace exits %d:\n%s", a.name, r.Code(), r.Out)
	}
	c.points = r.Points
	run.Expect(t, 0, a.mends...)
	if a.name == restoreAct.name { // whatever happens, a restore brings it in the end
		c.Fresh = trials.Lasting(t)
		c.Promises.Old, c.Theirs = c.Fresh, trials.ForeignObjects(t)
		c.states = append([]stage.Picture{c.Fresh, begun}, c.closed(t)...)
	} else {
		run.Expect(t, 0, "apply", f.fresh, "--auto-approve", "--no-guard", "--confirm-within", "0")
		c.Fresh = trials.Lasting(t)
		c.states = []stage.Picture{c.Promises.Old, c.Fresh}
	}
	c.ready = false
	return c
}

// closed are the states of a host that a restore has closed: by its own rules,
// and by the built-in ones.
func (c *column) closed(t *testing.T) []stage.Picture {
	t.Helper()
	var states []stage.Picture
	for _, broken := range []string{"/etc/iptables/ipsets", "/etc/hardenctl/closed.v[46]"} {
		for _, path := range testfile.Glob(t, broken) {
			require.NoError(t, os.WriteFile(path, []byte("nonsense\n"), 0o644))
		}
		c.begin(t, c.f, c.repeat)
		run.Expect(t, 1, "restore")
		state := trials.Lasting(t)
		for name := range state {
			if strings.HasPrefix(name, "/etc/") {
				delete(state, name) // it is we who have broken them
			}
		}
		states = append(states, state)
	}
	return states
}

// isReady makes the host the old one, if it is not.
func (c *column) isReady(t *testing.T) {
	t.Helper()
	if !c.ready {
		stage.Wipe(t)
		c.noFolders(t)
		c.arrange(t, c.f, c.repeat)
		c.ready = true
	}
	if len(keptFiles(t)) == 0 {
		c.noFolders(t)
	}
}

// noFolders removes the folders that hardenctl makes, since to make them is a
// failpoint too.
func (c *column) noFolders(t *testing.T) {
	t.Helper()
	for _, folder := range []string{"/var/lib/hardenctl", "/etc/hardenctl"} {
		require.NoError(t, os.RemoveAll(folder))
	}
}

// keptFiles are those that hardenctl keeps of applies that were confirmed.
func keptFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.Walk("/var/lib/hardenctl", func(path string, stat os.FileInfo, err error) error {
		if err == nil && stat.Mode().IsRegular() && !strings.HasPrefix(stat.Name(), "unconfirmed-") {
			files = append(files, path)
		}
		return nil
	}))
	return files
}

// strike does the damage of cells, as far as there is time: one of so many equal
// parts of the test's.
func (c *column) strike(t *testing.T, cells []cell, parts int) {
	cells = suite.Mixed(cells)
	slice := suite.NewSlice(t, len(cells), parts)
	for i := range slice.Numbers() {
		cell := cells[i]
		t.Run(string(cell.what)+" at "+cell.failpoint.String(), func(t *testing.T) { c.befall(t, cell) })
	}
	// Some depend on the moment: a file is compared with that of the generation
	// before if it is as long.
	if c.missed > slice.Done/10+1 {
		t.Errorf("%d runs of %d never came to their point", c.missed, slice.Done)
	}
}

// befall damages one run, and checks all promises.
func (c *column) befall(t *testing.T, at cell) {
	c.isReady(t)
	c.ready = false
	c.f.adminIsIn(t)
	c.begin(t, c.f, c.repeat)
	if at.what == hangs {
		t.Setenv(run.CommandVariable, run.Binary(t)+run.Impatient)
	}
	r := trace(t, c.login, c.args(c.f), func(p failpoint) damage {
		if p == at.failpoint {
			return at.what
		}
		return none
	})
	select {
	case <-r.Hung:
		c.hangs(t)
		r.End(t)
	case <-r.Ended:
	case <-time.After(lab.Patience): // what hangs for ever is told of
	}
	r.wait(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("it ended with %v and said …%s", r.Status, r.Out[max(0, len(r.Out)-600):])
		}
	})
	if r.Left {
		t.Error("the tool that hung was left behind")
	}
	if !r.Struck {
		t.Logf("it never came to the point, and was left in peace")
		c.missed++
	}
	stage.AwaitLock(t)
	run.KillAll(t) // the watchdog
	c.checks(t, r)
}

// hangs checks a host on which hardenctl hangs, with the lock in its hands: the
// kernel alone ends the trial.
func (c *column) hangs(t *testing.T) {
	t.Helper()
	c.f.adminIsIn(t)
	if c.trial {
		trials.ShortenGuard(t)
		getsIn(t, c.f.knocker, oldDoor)
	}
}

// checks what a damaged run has left, has it cleared up, and checks that.
func (c *column) checks(t *testing.T, r *traced) {
	t.Helper()
	now := trials.Lasting(t)
	now.IsWhole(t, c.states...)
	if c.act.name != restoreAct.name { // which brings others' too
		c.othersKeepTheirs(t)
	}
	c.f.adminIsIn(t)
	want := c.outcome(t, r, now)
	run.Expect(t, 0, c.mends...)
	now = trials.Lasting(t)
	if want == nil {
		if want = c.Promises.Old; now["sets"] != want["sets"] || now["IPv4 rules"] != want["IPv4 rules"] {
			want = c.Fresh
		}
	}
	now.Is(t, want)
	c.othersKeepTheirs(t)
	c.KeptToItsPaths(t)
	trials.NothingUnderWay(t)
	trials.NoTrialLeft(t)
	c.f.adminIsIn(t)
	c.settled(t, now)
}

// outcome checks the exit code by what there is, and returns what there must be
// in the end: nil where it may be both.
func (c *column) outcome(t *testing.T, r *traced, now stage.Picture) stage.Picture {
	t.Helper()
	phase := journal.Phase("")
	if e, err := stage.Journal.Read(); err == nil {
		phase = e.Phase
	}
	switch code := r.Code(); {
	case !slices.Contains([]int{-1, 0, 1, 3, 4}, code) || code < 0 != r.Status.Signaled():
		t.Errorf("exit %d", code)
	case c.act.name == restoreAct.name, c.act.name == revertAct.name, c.trial:
		if code == 0 && !c.trial {
			tidy(now).Is(t, c.Promises.Old)
		}
		return c.Promises.Old
	case code == 0:
		tidy(now).Is(t, c.Fresh)
		return c.Fresh
	case code == 3, code == 1 && c.act.name != confirmAct.name:
		now.Is(t, c.Promises.Old)
		return c.Promises.Old
	case phase == journal.Confirmed:
		return c.Fresh
	case phase != "":
		return c.Promises.Old
	}
	return nil
}

// tidy is a picture without what could not be cleared up, which is a warning.
func tidy(p stage.Picture) stage.Picture {
	kept := stage.Picture{}
	for name, text := range p {
		if !stage.Leftover(name) {
			kept[name] = text
		}
	}
	kept["sets"] = stage.OfWork.ReplaceAllString(p["sets"], "")
	return kept
}

// settled checks that there is nothing more to do. On the old host the next run
// shows that all of it can be done.
func (c *column) settled(t *testing.T, now stage.Picture) {
	t.Helper()
	if isOld := now["IPv4 rules"] == c.Promises.Old["IPv4 rules"]; isOld {
		if kept := keptFiles(t); !slices.Equal(kept, c.kept) {
			t.Errorf("it keeps %q, and kept %q", kept, c.kept)
		}
		getsIn(t, c.f.knocker, oldDoor)
		c.ready = !t.Failed()
		return
	}
	getsIn(t, c.f.knocker, newDoor)
	run.Expect(t, 0, "plan", c.f.fresh, "--detailed-exitcode")
}

func (c *column) othersKeepTheirs(t *testing.T) {
	t.Helper()
	if now := trials.ForeignObjects(t); now != c.Theirs {
		t.Errorf("others had\n%s\nand have\n%s", c.Theirs, now)
	}
}
