package house_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shown is a sentence of the README and the tests that show that it is true, as
// "folder.TestName folder.TestName".
type shown struct{ sentence, tests string }

// whenWrong are the sentences of the README's section on what happens when
// things go wrong, in order. Who changes one there looks here what shows it.
var whenWrong = []shown{
	{"Do nothing: when the time is over the kernel is back at the old rules, for IPv4 and IPv6, with no hardenctl process alive.",
		"test/live.TestLockedOutOverSSHNFT test/live.TestLockedOutOverSSHLegacy test/live.TestTrialEndsInTheKernel"},
	{"The new chains stand beside the old ones until then, and a set whose entries time out decides between them.",
		"test/live.TestTrialEndsInTheKernel internal/host/trial.TestBetween"},
	{"Connections that are open stay open all the while, also at the first apply, when conntrack has never seen them.",
		"test/live.TestLockedOutOverSSHNFT test/live.TestConfirmOverSSHNFT test/live.TestTrialEndsInTheKernel test/live.TestFault21_FirstApplyOverSSH test/live.TestSilentSessionSurvivesFirstApply"},
	{"The profile on disk stays as it is: mend it before the next apply, also one of cron.", "test/live.TestStreamsOfAnApply"},
	{"Until it is mended or confirmed, an apply of it needs a trial, `--no-guard`, or the answer yes on a terminal.",
		"test/live.TestUnconfirmedProfile internal/host/generation.TestUnconfirmed"},
	{"A new comment or a new list does not mend it.", "test/live.TestUnconfirmedProfile internal/host/generation.TestUnconfirmed"},

	{"While the rules are loaded, that takes everything back.", "test/live.TestFault03TerminalCloses test/live.TestFault03Signals"},
	{"In a trial it changes nothing: log in anew in time and confirm, or it all goes back.", "test/live.TestCountdown test/live.TestTerminalClosesInATrial"},

	{"`hardenctl confirm` without it means the trial that is pending, and there is never more than one.",
		"test/live.TestTrialWithoutATerminal test/live.TestCountdown test/live.TestConfirm"},

	{"That is refused, also under sudo and in another session of the same connection, since it proves nothing.",
		"test/live.TestConfirmOverSSHNFT test/live.TestConfirmOverSSHLegacy test/live.TestConfirmOverSharedSSH"},
	{"So it is where that cannot be told, as on a console or with sudo in tmux, unless you say `--same-session`.",
		"test/live.TestConfirmOnAConsole test/live.TestConfirm test/live.TestTrialOnAMachine"},
	{"A login that is older than the apply proves nothing either, and is refused in the same way.",
		"test/live.TestLockedOutOverSSHNFT test/live.TestLockedOutOverSSHLegacy internal/host/session.TestBegan"},

	{"That is refused, and changes nothing.", "test/live.TestConfirmRefused test/live.TestConfirm test/live.TestConfirmOfAnotherTrial"},

	{"`hardenctl revert` ends a trial before its time, from any login.", "test/live.TestTrialEndsInTheKernel test/live.TestConfirmRefused test/live.TestConfirmOfAnotherTrial"},
	{"What was confirmed goes back by `hardenctl rollback`.", "test/live.TestRollback"},
	{"`hardenctl rollback 0` goes back to what the host had before hardenctl.",
		"test/live.TestRollbackOfTheFirstApply test/live.TestRollbackToBefore test/live.TestRollbackToBeforeLocksOut"},

	{"That is refused until a person gives `--after-rollback`, or answers yes on a terminal.", "test/live.TestApplyAfterRollback"},

	{"What was not confirmed goes back, and what was confirmed goes on to its end, when the next command runs.",
		"test/live.TestFault01_TrialKilledAtAnyStep test/live.TestFault01KilledNFT test/live.TestFault01KilledLegacy test/live.TestCrashNFT test/live.TestCrashLegacy test/live.TestConfirmDiesBeforeItsNote"},
	{"Kernel settings, which the kernel does not take back by itself, are a watchdog's at the deadline: a timer of systemd where it runs, else a process of its own.",
		"test/live.TestTrialEndsByWatchdog test/live.TestWatchdogTimer test/live.TestTrialOnAMachine"},
	{"If that is killed too, the next `hardenctl` command does it.", "test/live.TestTrialEndsInTheKernel"},
	{"An apply that was confirmed and cannot come to its end is half done; every command that changes the host then says so, with exit code 4, until what is in the way is mended, or `hardenctl revert` gives it up.",
		"test/live.TestUnfinished test/live.TestGenerationOfAnApplyFinishedLater"},

	{"In a trial it boots the old state: files are written last, at the confirm.", "test/live.TestFault19_RebootInATrial test/live.TestTrialOnAMachine"},
	{"In the middle of a confirm it ends in the new one: `hardenctl restore` brings it there at boot, or the next command does.",
		"test/live.TestBootInAConfirm test/live.TestFault19_RebootInATrial"},
	{"Every file is wholly old or wholly new.", "test/live.TestFault18PowerLoss test/live.TestFault01KilledNFT test/live.TestCrashNFT"},

	{"An apply that has no room for its files or its generation fails, and everything is what it was.",
		"test/live.TestFault04DiskFull test/live.TestFault04_JournalOnAFullDisk test/live.TestNoRoomForGeneration test/live.TestFault05ReadOnly"},
	{"If a disk goes on failing, so that not even that can be written, the exit code is 4.", "test/live.TestFault06DiskFails test/live.TestUnfinished"},
	{"The end of a trial needs no room, and a confirm that has none ends it.", "test/live.TestFault04_ConfirmOnAFullDisk"},

	{"Whether iptables or ipset is missing, refuses a rule, crashes, or says that it did what it did not do: everything is what it was.",
		"test/live.TestFault08ToolFails test/live.TestFault08NoIPSet test/live.TestFault02KilledBetweenTables test/live.TestFault07SaveThatLies test/live.TestFault10OnlyIPv6Refuses test/live.TestFault11OneTableRefuses test/live.TestFault11RefusedByTheKernel test/live.TestMissingLibrary test/live.TestMissingModule test/live.TestMissingSetType"},
	{"One that hangs is killed after 30 seconds.", "test/live.TestFault09ToolHangs"},

	{"What others own is theirs to change, and they may restart Docker.", "test/live.TestConfirm test/live.TestDockerRestartInATrial"},
	{"A change to what the trial made is noticed, and the confirm refused.", "test/live.TestConfirmRefused test/live.TestFault17_FlushOnTrial"},
	{"After `iptables -F` no old rule comes back.", "test/live.TestFault17_FlushOnTrial test/live.TestFault17ForeignFlush"},
	{"What somebody saves in a trial, as `netfilter-persistent save` does, does not outlive it.", "test/live.TestSaveInATrial"},

	{"One waits for the other, for ten seconds unless `--lock-timeout` says more, and then exits 6.",
		"test/live.TestFault15TwoApplies cmd/hardenctl.TestLockTimeout"},
	{"It also waits for the end of a trial, and says whose trial it is and when it ends.", "test/live.TestApplyWaitsForATrial test/live.TestConfirm"},
	{"An apply that shows its plan or asks its question does not hold up another one: if the host or the profile changes meanwhile, the answer is refused.", "test/live.TestQuestionHoldsNoLock test/live.TestPagerHoldsNoLock"},

	{"An address in `[access] admin` never is, and what fail2ban puts into its jail keeps no admin out.", "test/live.TestForgedScans test/live.TestFail2ban"},
	{"A ban leaves open connections alone, and from one of those, or at the console, you lift it as in \"Lifting a ban\" below.",
		"test/live.TestBanSparesOpenConnections test/live.TestUnbanByHand test/live.TestGuardKnowsBans"},
	{"Bans made in a trial stay, however it ends, in sets that do not change themselves.", "test/live.TestTrialEndsInTheKernel test/live.TestConfirm"},

	{"A trial's time is counted from the boot of the machine, and ends when it would have ended.", "internal/house.TestFault20_ClockJump test/live.TestFault20_ClockJumpsInATrial test/live.TestFault20_ClockJumpsInACountdown test/live.TestTrialEndsInTheKernel"},

	{"A host refuses what would lock out those who are logged in.",
		"test/live.TestRefusedOverSSHNFT test/live.TestRefusedOverSSHLegacy test/live.TestFault30_BlocklistHoldsTheCaller deploy.TestLockoutFailsThePlay"},
	{"Ansible installs a profile in `/etc` only after its trial was confirmed, so that no later apply on the host uses an unconfirmed one.",
		"deploy.TestUnprovenProfileIsNotInstalled deploy.TestLockoutFailsThePlay test/live.TestAnsibleOverSSH"},
	{"The Ansible playbook tries one host first, and leaves the others alone if it fails there.", "deploy.TestFirstHostGuardsTheOthers"},

	{"As root at the console, run this to remove its rules: the host is then open, except for what others filter, until the next boot or `hardenctl apply`:", "test/live.TestOpenByHand"},
}

// TestWhenThingsGoWrong holds that each sentence of that section is shown by
// tests, and that there are such tests.
func TestWhenThingsGoWrong(t *testing.T) {
	found, there := sentences(t), tests(t)
	for i, s := range found {
		if !slices.ContainsFunc(whenWrong, func(w shown) bool { return w.sentence == s }) {
			t.Errorf("sentence %d of the README has no test: %s", i+1, s)
		}
	}
	for _, w := range whenWrong {
		if !slices.Contains(found, w.sentence) {
			t.Errorf("the README does not say: %s", w.sentence)
		}
		for _, name := range strings.Fields(w.tests) {
			if !there[name] {
				t.Errorf("there is no test %s, which is to show: %s", name, w.sentence)
			}
		}
		if w.tests == "" {
			t.Errorf("nothing shows: %s", w.sentence)
		}
	}
}

var (
	topic  = regexp.MustCompile(`(?m)^- \*\*[^*]+\.\*\*`)
	fenced = regexp.MustCompile("(?ms)^```.*?^```$")
)

// sentences are those of the section's list, in order, each in one line. What
// stands in bold is a topic.
func sentences(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## What happens when things go wrong\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section = fenced.ReplaceAllString(section, "")
	parts := topic.Split(section, -1)
	if len(parts) < 10 {
		t.Fatalf("the section has %d topics", len(parts)-1)
	}
	var all []string
	for _, part := range parts[1:] {
		all = append(all, split(strings.Join(strings.Fields(part), " "))...)
	}
	return all
}

// split cuts a text after each full stop that a capital or a command follows.
func split(text string) (all []string) {
	for {
		at := strings.Index(text, ". ")
		if at < 0 {
			return append(all, text)
		}
		all, text = append(all, text[:at+1]), text[at+2:]
	}
}

// tests are the tests of all packages, as "folder.TestName".

func tests(t *testing.T) map[string]bool {
	t.Helper()
	_, files := sources(t)
	named := map[string]bool{}
	for _, f := range files {
		if !f.test {
			continue
		}
		for name := range f.syntax.Scope.Objects {
			if strings.HasPrefix(name, "Test") {
				named[f.folder+"."+name] = true
			}
		}
	}
	return named
}
