package trial

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// typed is an apply on a terminal that counts down.
type typed struct {
	cmd *exec.Cmd
	out run.SyncBuffer
}

// typeApply applies on a terminal, over SSH, and returns when it counts down.
func typeApply(t *testing.T, args string) *typed {
	t.Helper()
	a := &typed{cmd: exec.Command("script", "-qec", "exec "+run.Binary(t)+" apply "+args+" --auto-approve --no-guard", "/dev/null")}
	a.cmd.Env = append(os.Environ(), run.Applying)
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.out
	require.NoError(t, a.cmd.Start())
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	lab.Await(t, "a countdown", func() bool { return strings.Contains(a.out.String(), "s left to confirm") })
	return a
}

// ends waits for the apply and checks its exit code and what it has printed.
func (a *typed) ends(t *testing.T, code int, says ...string) {
	t.Helper()
	a.cmd.Wait()
	if got := a.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d, want %d", got, code)
	}
	require.Contains(t, a.out.String(), says...)
}

// On a terminal, apply says what to type and counts down until another login has
// confirmed, or everything is undone. Over SSH it does so by itself. A
// signal ends the waiting and not the trial.
func TestCountdown(t *testing.T) {
	stage.Bare(t, "nft")
	one := webserver.Variant(t)
	other := webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)

	a := typeApply(t, one)
	saysWhatLasts(t, run.Expect(t, 0, "plan", one), run.ExpectAs(t, run.Confirming, 0, "confirm"))
	a.ends(t, 0, "on trial for 60 s", "\r\n  hardenctl confirm ", "s left to confirm", "Applied. The host is as the profile says.")
	run.Expect(t, 0, "plan", one, "--detailed-exitcode")

	confirmed := stage.TakePicture(t)
	a = typeApply(t, other+" --confirm-within 10m")
	trials.MoveDeadline(t, 0)
	a.ends(t, 3, "on trial for 600 s", "it was not confirmed in time; the change was undone, the host is as before")
	stage.TakePicture(t).Is(t, confirmed)

	a = typeApply(t, other+" --confirm-within 10m")
	require.NoError(t, syscall.Kill(applyPID(t), syscall.SIGHUP))
	a.ends(t, 0, "stopped waiting; the trial continues until its deadline")
	if e, err := stage.Journal.Read(); err != nil || !e.Pending() {
		t.Errorf("the trial has ended: %+v, %v", e, err)
	}
	run.Expect(t, 0, "revert")
	stage.TakePicture(t).Is(t, confirmed)
	require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending")
}

// saysWhatLasts checks that a confirm says whose trial it was, and that it
// promises for the next boot what the plan does.
func saysWhatLasts(t *testing.T, plan, confirm string) {
	t.Helper()
	require.Contains(t, confirm, "This was an apply of ", " from 192.0.2.7.\n")
	lasts := "The host is as the profile says, also after a reboot."
	if strings.Contains(plan, "Note: no service loads the saved files at boot: ") {
		lasts = "The host is as the profile says, until the next reboot: no service loads the saved files at boot: "
	}
	require.Contains(t, confirm, lasts)
}

// applyPID finds the apply that runs.
func applyPID(t *testing.T) int {
	t.Helper()
	for _, pid := range run.Running(t) {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(args), "\x00apply\x00") {
			return pid
		}
	}
	t.Fatal("no apply runs")
	return 0
}

// Without a terminal an apply is a trial of a minute, and does not wait for its
// end. How long a trial may be has bounds.
func TestTrialWithoutATerminal(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	for _, within := range []string{"-1s", "500ms", "25h"} {
		require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", within), "must be from 1s to 24h")
	}
	out := run.ExpectAs(t, run.Applying, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
	require.Contains(t, out, "on trial for 60 s", "hardenctl confirm ")
	var view struct{ Confirmed bool }
	require.NoError(t, json.Unmarshal([]byte(run.ExpectAs(t, run.Confirming, 0, "confirm", "--json")), &view))
	if !view.Confirmed {
		t.Error("JSON says that it is not confirmed")
	}
}

// Where nothing is known of either login, as on a console, they may be the same:
// a confirm wants to be told that it is meant.
func TestConfirmOnAConsole(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	run.ExpectAs(t, run.Applying, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
	e, err := stage.Journal.Read()
	require.NoError(t, err)
	e.By.SSH, e.By.Server = "", ""
	require.NoError(t, stage.Journal.Write(e))
	if login.Current().Server == "" { // else the tests have an sshd above them
		require.Contains(t, run.ExpectAs(t, "SSH_CONNECTION=", 1, "confirm"), "open a new SSH session")
	}
	run.ExpectAs(t, "SSH_CONNECTION=", 0, "confirm", "--same-session")
}

// A container that starts again in a trial has another network, in which nothing
// is on trial, although its kernel has not booted.
func TestContainerStartsAgain(t *testing.T) {
	stage.Bare(t, "nft")
	trials.TryOut(t, "builtin:web", "2m")
	run.KillAll(t)
	lab.FlushState(t)
	require.Contains(t, run.Expect(t, 0, "restore"), "nothing")
	trials.NothingUnderWay(t)
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
}

// Where systemd runs, a timer of it is the watchdog, so that it outlives the
// login; where it cannot be asked, a process is.
func TestWatchdogTimer(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	require.NoError(t, os.MkdirAll("/run/systemd/system", 0o755))
	const said = "/run/systemd-run.said"
	for _, c := range []struct{ name, script string }{
		{"a timer", "#!/bin/sh\necho \"$*\" >" + said + "\n"},
		{"no systemd", "#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n"},
		{"hung systemd", "#!/bin/sh\nexec sleep 60\n"}, // which has five seconds
	} {
		t.Run(c.name, func(t *testing.T) {
			before := stage.TakePicture(t)
			inject.StandIn(t, "/usr/bin/systemd-run", c.script)
			trials.TryOut(t, "builtin:web", "10m")
			if c.name != "a timer" {
				trials.MoveDeadline(t, 0)
				trials.Ended(t)
			} else {
				text, err := os.ReadFile(said)
				require.NoError(t, err)
				require.Contains(t, string(text), "--unit=hardenctl-trial-", "--on-active=", run.Binary(t)+" revert --at-deadline")
				if n := len(run.Running(t)); n != 0 {
					t.Errorf("%d processes wait beside the timer", n)
				}
				trials.MoveDeadline(t, 0)
				run.Expect(t, 0, "revert", "--at-deadline") // what the timer does
			}
			stage.TakePicture(t).Is(t, before)
		})
	}
}

// Where the journal cannot be written nothing is changed.
func TestFault04_JournalOnAFullDisk(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	require.NoError(t, os.MkdirAll(stage.Journal.Folder, 0o700))
	require.NoError(t, syscall.Mount("tmpfs", stage.Journal.Folder, "tmpfs", 0, "size=16k,mode=0700"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(stage.Journal.Folder, syscall.MNT_DETACH)) })
	for _, within := range []string{"0", "1m"} {
		require.Contains(t, run.Expect(t, 3, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", within),
			"journal: ", "no space left on device", "the change was undone")
		stage.TakePicture(t).Is(t, before)
		trials.NothingUnderWay(t)
	}
}

// A confirm that cannot note that it is one ends the trial: everything is old.
func TestFault04_ConfirmOnAFullDisk(t *testing.T) {
	stage.Bare(t, "nft")
	folder := filepath.Dir(stage.Journal.Folder)
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=0700"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	before := stage.TakePicture(t)
	trials.TryOut(t, "builtin:web", "2m")
	exec.Command("dd", "if=/dev/zero", "of="+folder+"/full", "bs=4k").Run() // until there is no room
	require.Contains(t, run.ExpectAs(t, run.Confirming, 3, "confirm"), "confirmed: ", "no space left on device", "the change was undone")
	stage.TakePicture(t).Is(t, before)
	trials.NothingUnderWay(t)
}

// A confirm that has no room for its files changes nothing: the trial goes on. A disk
// that becomes full in a trial is another case: the trial has the room already.
func TestFault04_ConfirmWithoutRoomForItsFiles(t *testing.T) {
	stage.Bare(t, "nft")
	const folder = "/etc/iptables"
	disk := func(size string) (remove func()) {
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0755,size="+size))
		return func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) }
	}
	fill := func() { exec.Command("dd", "if=/dev/zero", "of="+folder+"/full", "bs=4k").Run() } // until there is no room
	t.Cleanup(disk("4m"))
	trials.TryOut(t, "builtin:web", "10m")
	remove := disk("4k")
	fill()
	onTrial := stage.TakePicture(t)
	require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm"), "preparing files: ", "no space left on device", "nothing was changed, and the trial continues until its deadline")
	stage.TakePicture(t).Is(t, onTrial)
	remove()

	fill()
	run.ExpectAs(t, run.Confirming, 0, "confirm")
	run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
	trials.NothingUnderWay(t)
}

// Of the streams of an apply one may be a terminal, and another a file: each is
// asked itself. Progress is in no file, and a question is
// asked where it is seen.
func TestStreamsOfAnApply(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	profile := webserver.Variant(t)
	profileText, err := os.ReadFile(profile)
	require.NoError(t, err)
	type said struct{ terminal, file string }
	apply := func(code int, redirect, more, answer string) said {
		t.Helper()
		file := filepath.Join(t.TempDir(), "file")
		cmd := exec.Command("script", "-qec", "exec "+run.Binary(t)+" apply "+profile+" --no-guard --confirm-within 2s "+more+" "+redirect+file, "/dev/null")
		cmd.Env, cmd.Stdin = append(os.Environ(), run.Applying, "TERM=xterm"), strings.NewReader(answer)
		out, got := run.Outcome(t, cmd)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if got != code {
			t.Errorf("%s: exit %d, want %d:\n%s\n%s", redirect, got, code, out, text)
		}
		return said{out, string(text)}
	}
	lacks := func(text string, words ...string) {
		t.Helper()
		for _, w := range words {
			if strings.Contains(text, w) {
				t.Errorf("there is %q in %q", w, text)
			}
		}
	}

	s := apply(3, "2>", "--auto-approve", "") // waits for the end, without a word of it in the file
	require.Contains(t, s.terminal, "on trial for 2 s", "\x1b[")
	require.Contains(t, s.file, "it was not confirmed in time", "The profile on disk did not change. Fix it")
	lacks(s.file, "\r", "left to confirm", "…", "\x1b[")
	if text, err := os.ReadFile(profile); err != nil || string(text) != string(profileText) {
		t.Errorf("the profile has changed: %v", err)
	}

	s = apply(0, ">", "--auto-approve", "") // does not wait
	require.Contains(t, s.file, "on trial for 2 s")
	lacks(s.file, "\r", "left to confirm", "… ", "\x1b[")
	require.Contains(t, s.terminal, "… ")
	run.As(t, run.Applying, "revert")

	const question = `Type "yes" to apply: `
	s = apply(1, ">", "", "no\n")
	require.Contains(t, s.terminal, question)
	lacks(s.file, question)
	s = apply(1, "2>", "", "no\n")
	require.Contains(t, s.terminal, question)
	file := filepath.Join(t.TempDir(), "both")
	out, code := run.Outcome(t, exec.Command("script", "-qec", "exec "+run.Binary(t)+" apply "+profile+" --no-guard >"+file+" 2>&1", "/dev/null"))
	if text, _ := os.ReadFile(file); code != 1 || !strings.Contains(string(text), "no terminal to ask on") {
		t.Errorf("exit %d: %s %s", code, out, text)
	}
}
