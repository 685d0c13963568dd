package house_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// shown is a sentence of docs/operations.md and the tests that show that it is true, as
// "folder.TestName folder.TestName".
type shown struct{ sentence, tests string }

// whenWrong are the sentences of its section on what happens when things go wrong, in
// order. Who changes one there looks here what shows it.
var whenWrong = []shown{
	{"Do nothing: when the time is over the kernel uses the old rules again, for IPv4 and IPv6, without any hardenctl process.",
		"test/live.TestLockedOutOverSSHNFT test/live.TestLockedOutOverSSHLegacy test/live.TestTrialEndsInTheKernel"},
	{"Until then the kernel holds the old and the new chains, and a set whose entries time out decides between them.",
		"test/live.TestTrialEndsInTheKernel internal/host/trial.TestBetween"},
	{"Open connections stay open, also at the first apply, when conntrack has never seen them.",
		"test/live.TestLockedOutOverSSHNFT test/live.TestConfirmOverSSHNFT test/live.TestTrialEndsInTheKernel test/live.TestFault21_FirstApplyOverSSH test/live.TestSilentSessionSurvivesFirstApply"},
	{"The profile on disk stays as it is: correct it before the next apply, also one of cron.", "test/live.TestStreamsOfAnApply"},
	{"Until it is corrected or confirmed, an apply of it needs a trial, `--no-guard`, or the answer yes on a terminal.",
		"test/live.TestUnconfirmedProfile internal/host/generation.TestUnconfirmed"},
	{"A new comment or a new list does not count as a correction.", "test/live.TestUnconfirmedProfile internal/host/generation.TestUnconfirmed"},

	{"While the rules are being loaded, everything is undone.", "test/live.TestFault03TerminalCloses test/live.TestFault03Signals"},
	{"During a trial it changes nothing: log in again in time and confirm, or everything is undone at the deadline.", "test/live.TestCountdown test/live.TestTerminalClosesInATrial"},

	{"`hardenctl confirm` without it means the trial that is pending, and there is never more than one.",
		"test/live.TestTrialWithoutATerminal test/live.TestCountdown test/live.TestConfirm"},

	{"That is refused, also under sudo and in another session of the same connection, since it proves nothing.",
		"test/live.TestConfirmOverSSHNFT test/live.TestConfirmOverSSHLegacy test/live.TestConfirmOverSharedSSH"},
	{"It is also refused where that cannot be told, as on a console or with sudo in tmux, unless you give `--same-session`.",
		"test/live.TestConfirmOnAConsole test/live.TestConfirm test/live.TestTrialOnAMachine"},
	{"A login that is older than the apply proves nothing either, and is refused in the same way.",
		"test/live.TestLockedOutOverSSHNFT test/live.TestLockedOutOverSSHLegacy internal/host/login.TestBegan"},

	{"That is refused, and changes nothing.", "test/live.TestConfirmRefused test/live.TestConfirm test/live.TestConfirmOfAnotherTrial"},

	{"`hardenctl revert` ends a trial before its time, from any login.", "test/live.TestTrialEndsInTheKernel test/live.TestConfirmRefused test/live.TestConfirmOfAnotherTrial"},
	{"To undo what was confirmed, use `hardenctl rollback`.", "test/live.TestRollback"},
	{"`hardenctl rollback 0` restores what the host had before hardenctl.",
		"test/live.TestRollbackOfTheFirstApply test/live.TestRollbackToBefore test/live.TestRollbackToBeforeLocksOut"},

	{"That is refused until a person gives `--after-rollback`, or answers yes on a terminal.", "test/live.TestApplyAfterRollback"},

	{"When the next command runs, it undoes what was not confirmed, and completes what was confirmed.",
		"test/live.TestFault01_TrialKilledAtAnyStep test/live.TestFault01KilledNFT test/live.TestFault01KilledLegacy test/live.TestCrashNFT test/live.TestCrashLegacy test/live.TestConfirmDiesBeforeItsNote"},
	{"Kernel settings, which the kernel does not restore by itself, are restored at the deadline by a watchdog: a timer of systemd where it runs, else a process of its own.",
		"test/live.TestTrialEndsByWatchdog test/live.TestWatchdogTimer test/live.TestTrialOnAMachine"},
	{"If that is killed too, the next `hardenctl` command restores them.", "test/live.TestTrialEndsInTheKernel"},
	{"An apply that was confirmed and cannot be completed is incomplete; every command that changes the host then says so, with exit code 4, until you remove the cause, or `hardenctl revert` gives it up.",
		"test/live.TestUnfinished test/live.TestGenerationOfAnApplyFinishedLater"},

	{"During a trial it boots the old state: files are written last, at the confirm.", "test/live.TestFault19_RebootInATrial test/live.TestTrialOnAMachine"},
	{"During a confirm it ends in the new one: `hardenctl restore` completes it at boot, or the next command does.",
		"test/live.TestBootInAConfirm test/live.TestFault19_RebootInATrial"},
	{"Every file is wholly old or wholly new.", "test/live.TestFault18PowerLoss test/live.TestFault01KilledNFT test/live.TestCrashNFT"},

	{"An apply that has no room for its files or its generation fails, and everything is as before.",
		"test/live.TestFault04DiskFull test/live.TestFault04_JournalOnAFullDisk test/live.TestNoRoomForGeneration test/live.TestFault05ReadOnly"},
	{"If a disk keeps failing, so that not even that can be written, the exit code is 4.", "test/live.TestFault06DiskFails test/live.TestUnfinished"},
	{"The end of a trial needs no room, and a confirm that has none ends the trial.", "test/live.TestFault04_ConfirmOnAFullDisk"},

	{"If iptables or ipset is missing, refuses a rule, crashes, or reports success for what it did not do, everything is as before.",
		"test/live.TestFault08ToolFails test/live.TestFault08NoIPSet test/live.TestFault02KilledBetweenTables test/live.TestFault07SaveThatLies test/live.TestFault10OnlyIPv6Refuses test/live.TestFault11OneTableRefuses test/live.TestFault11RefusedByTheKernel test/live.TestMissingLibrary test/live.TestMissingModule test/live.TestMissingSetType"},
	{"One that hangs is killed after 30 seconds.", "test/live.TestFault09ToolHangs"},

	{"Others may change what they own, and may restart Docker.", "test/live.TestConfirm test/live.TestDockerRestartInATrial"},
	{"A change to what the trial made is noticed, and the confirm refused.", "test/live.TestConfirmRefused test/live.TestFault17_FlushOnTrial"},
	{"After `iptables -F` no old rule is restored.", "test/live.TestFault17_FlushOnTrial test/live.TestFault17ForeignFlush"},
	{"What somebody saves during a trial, as `netfilter-persistent save` does, does not outlive it.", "test/live.TestSaveInATrial"},

	{"One waits for the other, for ten seconds unless `--lock-timeout` says more, and then exits 6.",
		"test/live.TestFault15TwoApplies cmd/hardenctl.TestLockTimeout"},
	{"It also waits for the end of a trial, and says whose trial it is and when it ends.", "test/live.TestApplyWaitsForATrial test/live.TestConfirm"},
	{"An apply that shows its plan or asks its question does not delay another one: if the host or the profile changes meanwhile, the answer is refused.", "test/live.TestQuestionHoldsNoLock test/live.TestPagerHoldsNoLock"},

	{"An address in `[access] admin` never is, and an entry of fail2ban's jail locks no admin out.", "test/live.TestForgedScans test/live.TestFail2ban"},
	{"A ban leaves open connections alone.", "test/live.TestBanSparesOpenConnections"},
	{"From one of those, or at the console, lift it as in \"Lifting a ban\" below.", "test/live.TestUnbanByHand test/live.TestGuardKnowsBans"},
	{"Bans made during a trial stay, however it ends, in sets that do not change themselves.", "test/live.TestTrialEndsInTheKernel test/live.TestConfirm"},

	{"A trial's time is counted from the boot of the machine, and ends when it would have ended.", "internal/house.TestFault20_ClockJump test/live.TestFault20_ClockJumpsInATrial test/live.TestFault20_ClockJumpsInACountdown test/live.TestTrialEndsInTheKernel"},

	{"A host refuses what would lock out those who are logged in.",
		"test/live.TestRefusedOverSSHNFT test/live.TestRefusedOverSSHLegacy test/live.TestFault30_BlocklistHoldsTheCaller deploy.TestLockoutFailsThePlay"},
	{"Ansible installs a profile in `/etc` only after its trial was confirmed, so that no later apply on the host uses an unconfirmed one.",
		"deploy.TestUnprovenProfileIsNotInstalled deploy.TestLockoutFailsThePlay test/live.TestAnsibleOverSSH"},
	{"The Ansible playbook tries one host first, and leaves the others alone if it fails there.", "deploy.TestFirstHostGuardsTheOthers"},

	{"As root at the console, run this to remove its rules: the host is then unfiltered, except for what others filter, until the next boot or `hardenctl apply`:", "test/live.TestOpenByHand"},
}

// TestWhenThingsGoWrong holds that each sentence of that section is shown by
// tests, and that there are such tests.
func TestWhenThingsGoWrong(t *testing.T) {
	found, there := sentences(t), tests(t)
	for i, s := range found {
		if !slices.ContainsFunc(whenWrong, func(w shown) bool { return w.sentence == s }) {
			t.Errorf("sentence %d has no test: %s", i+1, s)
		}
	}
	for _, w := range whenWrong {
		if !slices.Contains(found, w.sentence) {
			t.Errorf("docs/operations.md does not say: %s", w.sentence)
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

var topic = regexp.MustCompile(`(?m)^- \*\*[^*]+\.\*\*`)

// sentences are those of the section's list, in order, each in one line. What
// is in bold is a topic.
func sentences(t *testing.T) []string {
	t.Helper()
	section := pages.Prose(pages.Section(t, "docs/operations.md", "## What happens when things go wrong"))
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
