package live

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
)

// typed is an apply on a terminal that counts down.
type typed struct {
	cmd *exec.Cmd
	out syncBuffer
}

// typeApply applies on a terminal, over SSH, and returns when it counts down.
func typeApply(t *testing.T, args string) *typed {
	t.Helper()
	a := &typed{cmd: exec.Command("script", "-qec", "exec "+binary(t)+" apply "+args+" --auto-approve --no-guard", "/dev/null")}
	a.cmd.Env = append(os.Environ(), applying)
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.out
	must(t, a.cmd.Start())
	t.Cleanup(func() { as(t, applying, "revert") })
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
	contains(t, a.out.String(), says...)
}

// On a terminal, apply says what to type and counts down until another login has
// confirmed, or everything has gone back. Over SSH it does so by itself. A
// signal ends the waiting and not the trial.
func TestCountdown(t *testing.T) {
	bare(t, "nft")
	one := variant(t)
	other := variant(t, `"tcp/80"`, `"tcp/8443"`)

	a := typeApply(t, one)
	saysWhatLasts(t, expect(t, 0, "plan", one), expectAs(t, confirming, 0, "confirm"))
	a.ends(t, 0, "on trial for 60 s", "\r\n  hardenctl confirm ", "s left to confirm", "Applied. The host is as the profile says.")
	expect(t, 0, "plan", one, "--detailed-exitcode")

	confirmed := look(t)
	a = typeApply(t, other+" --confirm-within 10m")
	moveDeadline(t, 0)
	a.ends(t, 3, "on trial for 600 s", "it was not confirmed in time; the change was undone, the host is as before")
	look(t).is(t, confirmed)

	a = typeApply(t, other+" --confirm-within 10m")
	must(t, syscall.Kill(applyPID(t), syscall.SIGHUP))
	a.ends(t, 0, "stopped waiting; the trial continues until its deadline")
	if e, err := ourJournal.Read(); err != nil || !e.Pending() {
		t.Errorf("the trial has ended: %+v, %v", e, err)
	}
	expect(t, 0, "revert")
	look(t).is(t, confirmed)
	contains(t, expect(t, 0, "revert"), "No trial is pending")
}

// saysWhatLasts checks that a confirm says whose trial it was, and that it
// promises for the next boot what the plan does.
func saysWhatLasts(t *testing.T, plan, confirm string) {
	t.Helper()
	contains(t, confirm, "This was an apply of ", " from 192.0.2.7.\n")
	lasts := "The host is as the profile says, also after a reboot."
	if strings.Contains(plan, "Note: no service loads the saved files at boot: ") {
		lasts = "The host is as the profile says, until the next reboot: no service loads the saved files at boot: "
	}
	contains(t, confirm, lasts)
}

// applyPID finds the apply that runs.
func applyPID(t *testing.T) int {
	t.Helper()
	for _, pid := range running(t) {
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
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	for _, within := range []string{"-1s", "500ms", "25h"} {
		contains(t, expect(t, 1, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", within), "must be from 1s to 24h")
	}
	out := expectAs(t, applying, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
	contains(t, out, "on trial for 60 s", "hardenctl confirm ")
	var view struct{ Confirmed bool }
	must(t, json.Unmarshal([]byte(expectAs(t, confirming, 0, "confirm", "--json")), &view))
	if !view.Confirmed {
		t.Error("JSON says that it is not confirmed")
	}
}

// Where nothing is known of either login, as on a console, they may be the same:
// a confirm wants to be told that it is meant.
func TestConfirmOnAConsole(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	expectAs(t, applying, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
	e, err := ourJournal.Read()
	must(t, err)
	e.By.SSH, e.By.Server = "", ""
	must(t, ourJournal.Write(e))
	if login.Current().Server == "" { // else the tests have an sshd above them
		contains(t, expectAs(t, "SSH_CONNECTION=", 1, "confirm"), "open a new SSH session")
	}
	expectAs(t, "SSH_CONNECTION=", 0, "confirm", "--same-session")
}

// reboot is what a reboot does to the kernel: it knows what the files say.
func reboot(t *testing.T) {
	t.Helper()
	killAll(t)
	lab.FlushState(t)
	for _, f := range []struct{ path, tool string }{
		{"/etc/iptables/ipsets", "ipset"}, {"/etc/iptables/rules.v4", "iptables-restore"}, {"/etc/iptables/rules.v6", "ip6tables-restore"},
	} {
		text, err := os.ReadFile(f.path)
		must(t, err)
		args := []string{}
		if f.tool == "ipset" {
			args = append(args, "restore")
		}
		fed(t, string(text), f.tool, args...)
	}
	tool(t, "sysctl -q -p /etc/sysctl.d/60-hardenctl.conf")
	if e, err := ourJournal.Read(); err == nil {
		e.Boot = "another"
		must(t, ourJournal.Write(e))
	}
}

// A container that starts again in a trial has another network, in which nothing
// is on trial, although its kernel has not booted.
func TestContainerStartsAgain(t *testing.T) {
	bare(t, "nft")
	tryOut(t, "builtin:web", "2m")
	killAll(t)
	lab.FlushState(t)
	contains(t, expect(t, 0, "restore"), "nothing")
	nothingUnderWay(t)
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
}

// Where systemd runs, a timer of it is the watchdog, so that it outlives the
// login; where it cannot be asked, a process is.
func TestWatchdogTimer(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	must(t, os.MkdirAll("/run/systemd/system", 0o755))
	const said = "/run/systemd-run.said"
	for _, c := range []struct{ name, script string }{
		{"a timer", "#!/bin/sh\necho \"$*\" >" + said + "\n"},
		{"no systemd", "#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n"},
		{"hung systemd", "#!/bin/sh\nexec sleep 60\n"}, // which has five seconds
	} {
		t.Run(c.name, func(t *testing.T) {
			before := look(t)
			stand(t, "/usr/bin/systemd-run", c.script)
			tryOut(t, "builtin:web", "10m")
			if c.name != "a timer" {
				moveDeadline(t, 0)
				ended(t)
			} else {
				text, err := os.ReadFile(said)
				must(t, err)
				contains(t, string(text), "--unit=hardenctl-trial-", "--on-active=", binary(t)+" revert --at-deadline")
				if n := len(running(t)); n != 0 {
					t.Errorf("%d processes wait beside the timer", n)
				}
				moveDeadline(t, 0)
				expect(t, 0, "revert", "--at-deadline") // what the timer does
			}
			look(t).is(t, before)
		})
	}
}

// stand puts a script in the place of a program until the end of the test.
func stand(t *testing.T, path, script string) {
	t.Helper()
	folder, err := os.MkdirTemp("/run", "stand-")
	must(t, err)
	place := filepath.Join(folder, filepath.Base(path))
	must(t, os.WriteFile(place, []byte(script), 0o755))
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: apt-get install --no-install-recommends systemd", err)
	}
	must(t, syscall.Mount(place, path, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { must(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
}

// Where the journal cannot be written nothing is changed.
func TestFault04_JournalOnAFullDisk(t *testing.T) {
	bare(t, "nft")
	before := look(t)
	must(t, os.MkdirAll(ourJournal.Folder, 0o700))
	must(t, syscall.Mount("tmpfs", ourJournal.Folder, "tmpfs", 0, "size=16k,mode=0700"))
	t.Cleanup(func() { must(t, syscall.Unmount(ourJournal.Folder, syscall.MNT_DETACH)) })
	for _, within := range []string{"0", "1m"} {
		contains(t, expect(t, 3, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", within),
			"journal: ", "no space left on device", "the change was undone")
		look(t).is(t, before)
		nothingUnderWay(t)
	}
}

// A confirm that cannot note that it is one ends the trial: everything is old.
func TestFault04_ConfirmOnAFullDisk(t *testing.T) {
	bare(t, "nft")
	folder := filepath.Dir(ourJournal.Folder)
	must(t, os.MkdirAll(folder, 0o700))
	must(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=0700"))
	t.Cleanup(func() { must(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	before := look(t)
	tryOut(t, "builtin:web", "2m")
	exec.Command("dd", "if=/dev/zero", "of="+folder+"/full", "bs=4k").Run() // until there is no room
	contains(t, expectAs(t, confirming, 3, "confirm"), "confirmed: ", "no space left on device", "the change was undone")
	look(t).is(t, before)
	nothingUnderWay(t)
}

// Of the streams of an apply one may be a terminal, and another a file: each is
// asked itself. Progress is in no file, and a question is
// asked where it is seen.
func TestStreamsOfAnApply(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	profile := variant(t)
	profileText, err := os.ReadFile(profile)
	must(t, err)
	type said struct{ terminal, file string }
	run := func(code int, redirect, more, answer string) said {
		t.Helper()
		file := filepath.Join(t.TempDir(), "file")
		cmd := exec.Command("script", "-qec", "exec "+binary(t)+" apply "+profile+" --no-guard --confirm-within 2s "+more+" "+redirect+file, "/dev/null")
		cmd.Env, cmd.Stdin = append(os.Environ(), applying, "TERM=xterm"), strings.NewReader(answer)
		out, got := outcome(t, cmd)
		text, err := os.ReadFile(file)
		must(t, err)
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

	s := run(3, "2>", "--auto-approve", "") // waits for the end, without a word of it in the file
	contains(t, s.terminal, "on trial for 2 s", "\x1b[")
	contains(t, s.file, "it was not confirmed in time", "The profile on disk did not change. Fix it")
	lacks(s.file, "\r", "left to confirm", "…", "\x1b[")
	if text, err := os.ReadFile(profile); err != nil || string(text) != string(profileText) {
		t.Errorf("the profile has changed: %v", err)
	}

	s = run(0, ">", "--auto-approve", "") // does not wait
	contains(t, s.file, "on trial for 2 s")
	lacks(s.file, "\r", "left to confirm", "… ", "\x1b[")
	contains(t, s.terminal, "… ")
	as(t, applying, "revert")

	const question = `Type "yes" to apply: `
	s = run(1, ">", "", "no\n")
	contains(t, s.terminal, question)
	lacks(s.file, question)
	s = run(1, "2>", "", "no\n")
	contains(t, s.terminal, question)
	file := filepath.Join(t.TempDir(), "both")
	out, code := outcome(t, exec.Command("script", "-qec", "exec "+binary(t)+" apply "+profile+" --no-guard >"+file+" 2>&1", "/dev/null"))
	if text, _ := os.ReadFile(file); code != 1 || !strings.Contains(string(text), "no terminal to ask on") {
		t.Errorf("exit %d: %s %s", code, out, text)
	}
}
