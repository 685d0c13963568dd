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
		"test/live/lockout.TestLockedOutOverSSHNFT test/live/lockout.TestLockedOutOverSSHLegacy test/live/trial.TestTrialEndsInTheKernel"},
	{"Until then the kernel holds the old and the new chains, and a set whose entries time out decides between them.",
		"test/live/trial.TestTrialEndsInTheKernel internal/host/trial.TestBetween"},
	{"Open connections stay open, also at the first apply, when conntrack has never seen them.",
		"test/live/lockout.TestLockedOutOverSSHNFT test/live/lockout.TestConfirmOverSSHNFT test/live/trial.TestTrialEndsInTheKernel test/live/lockout.TestFault21_FirstApplyOverSSH test/live/apply.TestSilentSessionSurvivesFirstApply"},
	{"The profile on disk stays as it is: correct it before the next apply, also one of cron.", "test/live/trial.TestStreamsOfAnApply"},
	{"Until it is corrected or confirmed, an apply of it needs a trial, `--no-guard`, or the answer yes on a terminal.",
		"test/live/rollback.TestUnconfirmedProfile internal/host/generation.TestUnconfirmed"},
	{"A new comment or a new list does not count as a correction.", "test/live/rollback.TestUnconfirmedProfile internal/host/generation.TestUnconfirmed"},

	{"While the rules are being loaded, everything is undone.", "test/live/faults.TestFault03TerminalCloses test/live/faults.TestFault03Signals"},
	{"During a trial it changes nothing: log in again in time and confirm, or everything is undone at the deadline.", "test/live/trial.TestCountdown test/live/trial.TestTerminalClosesInATrial"},

	{"`hardenctl confirm` without it means the trial that is pending, and there is never more than one.",
		"test/live/trial.TestTrialWithoutATerminal test/live/trial.TestCountdown test/live/trial.TestConfirm"},

	{"That is refused, also under sudo and in another session of the same connection, since it proves nothing.",
		"test/live/lockout.TestConfirmOverSSHNFT test/live/lockout.TestConfirmOverSSHLegacy test/live/lockout.TestConfirmOverSharedSSH"},
	{"It is also refused where that cannot be told, as on a console or with sudo in tmux, unless you give `--same-session`.",
		"test/live/trial.TestConfirmOnAConsole test/live/trial.TestConfirm test/live/boot.TestTrialOnAMachine"},
	{"A login that is older than the apply proves nothing either, and is refused in the same way.",
		"test/live/lockout.TestLockedOutOverSSHNFT test/live/lockout.TestLockedOutOverSSHLegacy internal/host/login.TestBegan"},

	{"That is refused, and changes nothing.", "test/live/trial.TestConfirmRefused test/live/trial.TestConfirm test/live/trial.TestConfirmOfAnotherTrial"},

	{"`hardenctl revert` ends a trial before its time, from any login.", "test/live/trial.TestTrialEndsInTheKernel test/live/trial.TestConfirmRefused test/live/trial.TestConfirmOfAnotherTrial"},
	{"To undo what was confirmed, use `hardenctl rollback`.", "test/live/rollback.TestRollback"},
	{"`hardenctl rollback 0` restores what the host had before hardenctl.",
		"test/live/rollback.TestRollbackOfTheFirstApply test/live/rollback.TestRollbackToBefore test/live/rollback.TestRollbackToBeforeLocksOut"},

	{"That is refused until a person gives `--after-rollback`, or answers yes on a terminal.", "test/live/rollback.TestApplyAfterRollback"},

	{"When the next command runs, it undoes what was not confirmed, and completes what was confirmed.",
		"test/live/faults.TestFault01_TrialKilledAtAnyStep test/live/faults.TestFault01KilledNFT test/live/faults.TestFault01KilledLegacy test/live/failpoints.TestCrashNFT test/live/failpoints.TestCrashLegacy test/live/trial.TestConfirmDiesBeforeItsNote"},
	{"Kernel settings, which the kernel does not restore by itself, are restored at the deadline by a watchdog: a timer of systemd where it runs, else a process of its own.",
		"test/live/trial.TestTrialEndsByWatchdog test/live/trial.TestWatchdogTimer test/live/boot.TestTrialOnAMachine"},
	{"If that is killed too, the next `hardenctl` command restores them.", "test/live/trial.TestTrialEndsInTheKernel"},
	{"An apply that was confirmed and cannot be completed is incomplete; every command that changes the host then says so, with exit code 4, until you remove the cause, or `hardenctl revert` gives it up.",
		"test/live/trial.TestUnfinished test/live/trial.TestGenerationOfAnApplyFinishedLater"},

	{"During a trial it boots the old state: files are written last, at the confirm.", "test/live/faults.TestFault19_RebootInATrial test/live/boot.TestTrialOnAMachine"},
	{"During a confirm it ends in the new one: `hardenctl restore` completes it at boot, or the next command does.",
		"test/live/trial.TestBootInAConfirm test/live/faults.TestFault19_RebootInATrial"},
	{"Every file is wholly old or wholly new.", "test/live/faults.TestFault18PowerLoss test/live/faults.TestFault01KilledNFT test/live/failpoints.TestCrashNFT"},

	{"An apply that has no room for its files or its generation fails, and everything is as before.",
		"test/live/faults.TestFault04DiskFull test/live/trial.TestFault04_JournalOnAFullDisk test/live/rollback.TestNoRoomForGeneration test/live/faults.TestFault05ReadOnly"},
	{"If a disk keeps failing, so that not even that can be written, the exit code is 4.", "test/live/faults.TestFault06DiskFails test/live/trial.TestUnfinished"},
	{"The end of a trial needs no room, and a confirm that cannot write its journal ends the trial.", "test/live/trial.TestFault04_ConfirmOnAFullDisk"},

	{"If iptables or ipset is missing, refuses a rule, crashes, or reports success for what it did not do, everything is as before.",
		"test/live/faults.TestFault08ToolFails test/live/faults.TestFault08NoIPSet test/live/faults.TestFault02KilledBetweenTables test/live/faults.TestFault07SaveThatLies test/live/faults.TestFault10OnlyIPv6Refuses test/live/faults.TestFault11OneTableRefuses test/live/faults.TestFault11RefusedByTheKernel test/live/apply.TestMissingLibrary test/live/apply.TestMissingModule test/live/apply.TestMissingSetType"},
	{"One that hangs is killed after 30 seconds.", "test/live/faults.TestFault09ToolHangs"},

	{"Others may change what they own, and may restart Docker.", "test/live/trial.TestConfirm test/live/coexistence.TestDockerRestartInATrial"},
	{"A change to what the trial made is noticed, and the confirm refused.", "test/live/trial.TestConfirmRefused test/live/trial.TestFault17_FlushOnTrial"},
	{"After `iptables -F` no old rule is restored.", "test/live/trial.TestFault17_FlushOnTrial test/live/faults.TestFault17ForeignFlush"},
	{"What somebody saves during a trial, as `netfilter-persistent save` does, does not outlive it.", "test/live/trial.TestSaveInATrial"},

	{"One waits for the other, for ten seconds unless `--lock-timeout` says more, and then exits 6.",
		"test/live/faults.TestFault15TwoApplies cmd/hardenctl.TestLockTimeout"},
	{"It also waits for the end of a trial, and says whose trial it is and when it ends.", "test/live/trial.TestApplyWaitsForATrial test/live/trial.TestConfirm"},
	{"An apply that shows its plan or asks its question does not delay another one: if the host or the profile changes meanwhile, the answer is refused.", "test/live/trial.TestQuestionHoldsNoLock test/live/trial.TestPagerHoldsNoLock"},

	{"An address in `[access] admin` never is, and an entry of fail2ban's jail locks no admin out.", "test/live/bans.TestForgedScans test/live/coexistence.TestFail2ban"},
	{"A ban leaves open connections alone.", "test/live/bans.TestBanSparesOpenConnections"},
	{"From one of those, or at the console, lift it as in \"Lifting a ban\" below.", "test/live/bans.TestUnbanByHand test/live/lockout.TestGuardKnowsBans"},
	{"Bans made during a trial stay, however it ends, in sets that do not change themselves.", "test/live/trial.TestTrialEndsInTheKernel test/live/trial.TestConfirm"},

	{"A trial's time is counted from the boot of the machine, and ends when it would have ended.", "internal/house.TestFault20_ClockJump test/live/faults.TestFault20_ClockJumpsInATrial test/live/faults.TestFault20_ClockJumpsInACountdown test/live/trial.TestTrialEndsInTheKernel"},

	{"A host refuses what would lock out those who are logged in.",
		"test/live/lockout.TestRefusedOverSSHNFT test/live/lockout.TestRefusedOverSSHLegacy test/live/lockout.TestFault30_BlocklistHoldsTheCaller deploy.TestLockoutFailsThePlay"},
	{"Ansible installs a profile in `/etc` only after its trial was confirmed, so that no later apply on the host uses an unconfirmed one.",
		"deploy.TestUnprovenProfileIsNotInstalled deploy.TestLockoutFailsThePlay test/live/lockout.TestAnsibleOverSSH"},
	{"The Ansible playbook tries one host first, and leaves the others alone if it fails there.", "deploy.TestFirstHostGuardsTheOthers"},

	{"As root at the console, run this to remove its rules: the host is then unfiltered, except for what others filter, until the next boot or `hardenctl apply`:", "test/live/lockout.TestOpenByHand"},
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
