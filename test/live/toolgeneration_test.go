package live

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// treeVariable says in which Debian of another generation test/scripts/within runs
// the tests (make matrix): its tools and their libraries on this kernel. Unset,
// the tools are this machine's.
const treeVariable = "HARDENCTL_TREE"

// toldVariable is set once it has been said what is left out there.
const toldVariable = "HARDENCTL_LIVE_TOLD"

// ofTools are the tests in which the generations differ most by what their tools
// print, take and refuse. With -short, these are all that run in a tree.
const ofTools = `TestFixpoint TestApply TestDrift TestForeign TestFault02KilledBetweenTables
	TestFault10OnlyIPv6Refuses TestFault11OneTableRefuses TestFault31NativeRules
	TestTrialEndsInTheKernel TestConfirm TestConfirmOverSSHNFT TestConfirmOverSSHLegacy TestRollback TestRestore
	TestBansSurvive TestRecentListsSurvive TestMissingLibrary`

// leftOut are the tests that do not run in a tree, by the reason.
var leftOut = []struct{ why, tests string }{
	{"a tree has no Docker, fail2ban, rsyslog, ufw, firewalld or Ansible: those there are, are of this machine's generation",
		`TestPublished TestPublishedLegacy TestDockerRestartInATrial TestFilter TestFilterIsNotFooled TestFail2ban TestFail2banRestarts TestRsyslogRule
		TestJailOfOthers TestFault31UFW TestFault31Firewalld TestAnsibleOverSSH`},
	{"a tree has no Python to run the servers of other makers",
		`TestGuardKnowsDropbear TestGuardIgnoresProcessNames TestGuardOfAServerThatHidesLogins TestGuardNeedsALogin`},
	{"a tree has no Go to build what they run",
		`TestGateway TestPublishedPortsCountByTheirInside TestRefusedSets TestForwardPolicyOnTrial TestPages`},
	{"a tree has no systemd, and the machine that they boot has tools of its own (bin/tree)",
		`TestWatchdogTimer TestJournal TestReboot TestTrialOnAMachine`},
	{"they scan with nmap 7.90 or later, which bullseye has not, and look at what the next ones do",
		`TestAttack TestDHCPPortIsSilent TestOldConnectionOpensNothingElse`},
	{"what rules do to packets is the kernel's, and the rules are the same in every generation (TestFixpoint)",
		`TestEleventhProbeBans TestClientsOfOneNetwork TestEveryPortCounts TestOthersDoNotHideScanner TestTripwireBans TestSlowScanBans TestBanRenewsAndGrows
		TestBanSparesOpenConnections TestConnectionLimitOfASource TestEnginesAfterFlood
		TestFingerprint TestLinuxThatMayBeFragmented TestTrustedMaySendAnySYN TestFingerprintOfFragments
		TestScannersFindNothing TestSystemIsNotGuessed TestSystemIsGuessedWithoutFingerprint TestHowtoFlaws TestHowtoFlawsOverTime
		TestKnock TestKnockAccess TestKnockCrowd TestKnockClient TestKnockPorts TestKnockUnreachable TestKnockLengths
		TestPitfalls TestPitfallsOfManySources TestLateAnswersAreNoProbes TestLegitimateTrafficIsNotBanned TestSearchIsAnswered TestCustomersMeetNoLimit TestAttackerAtTheLimit
		TestForgedSYNsUseNoClientsLimit TestEchoAtTheLimit TestKernelLog TestLogLimitIsPerSource
		TestOffloads TestOffloadsGoBack TestOffloadsOutOfReach TestQueueNote TestQueuesAndLRO TestSetChannels TestLinkNote
		TestNmapFindsNothing TestServerIsDown TestNmapNamesOnlyPublicServices TestController TestDNSServer TestMailServer
		TestForgedLines TestProvenAtPublishedPort TestProvenKnocks TestSynProxyKnock TestSynProxyPublished
		TestSynProxyOptions TestMalformedPacketGetsNoAnswer TestForgedScans TestForgedPacketsProveNoSource TestProvenScanner
		TestFullSets TestForgedFloodBlocksNoClient TestFloodFromWithinBlocksNoClient TestProxiedServiceWithoutProgram TestAdminGetsInBesideClosedConnections TestUDPTakesNothingFromTCP TestSweep TestSynProxy TestSynFlood
		TestJailSparesOpenConnections TestBannedKeepsStatedServices TestNetworkCannotFillProvenSources TestNoErrorBeforeForward
		TestRetriesBesideForgedProbes TestScannerBesideForgedProbes TestScannerBetweenTwoWindows TestCookiesComeBackTooLate
		TestStatedPortWithoutProgram TestStatedSourceMaySendAnySYN TestUsedPortMeetsLimits TestUnansweredFlow TestSystemsAreAll
		TestLinkNeighboursLearnNothing TestOnePortForSeveralGroups TestClosedConnectionIsForgotten
		TestAdminGetsInWithAFullTable TestOnlyAdminsAreUntracked TestUntrackedAdminLearnsMTU
		TestSynProxyPortUsedAgain TestScansOfSynProxy TestVerify TestVerifyBroken`},
}

// chooseForTree sets the flags of testing for a run in a tree and says what it
// is a run of. The choice of a command line stays: -run against -short, and what
// -skip names is left out too.
func chooseForTree() {
	tree := os.Getenv(treeVariable)
	if tree == "" {
		return
	}
	if run := flag.Lookup("test.run").Value; testing.Short() && run.String() == "" {
		run.Set(oneOf(ofTools))
	}
	skip := flag.Lookup("test.skip").Value
	for _, l := range leftOut {
		skip.Set(strings.TrimPrefix(skip.String()+"|"+oneOf(l.tests), "|"))
	}
	if os.Getenv(toldVariable) == "" {
		os.Setenv(toldVariable, "yes")
		tell(filepath.Base(tree))
	}
}

// tell says which tools run, and what is left out.
func tell(generation string) {
	fmt.Printf("%s: %s\n", generation, versions())
	for _, l := range leftOut {
		fmt.Printf("left out: %s:\n\t%s\n", l.why, strings.Join(strings.Fields(l.tests), " "))
	}
}

// oneOf matches the names of a list, and nothing else.
func oneOf(list string) string { return "^(" + strings.Join(strings.Fields(list), "|") + ")$" }

// versions are those of the tools that run.
func versions() string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}, ", "iptables", "ipset", "nftables", "iproute2", "openssh-server").Output()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(string(out), ", ")
}

// Each test that the lists name is there: one that has got another name would
// run in a tree where it cannot, or no more among the few of -short.
func TestLeftOut(t *testing.T) {
	out, err := exec.Command(os.Args[0], "-test.list", "^Test").Output()
	must(t, err)
	there := strings.Fields(string(out))
	named := strings.Fields(ofTools)
	for _, l := range leftOut {
		named = append(named, strings.Fields(l.tests)...)
	}
	seen := map[string]bool{}
	for _, name := range named {
		if !slices.Contains(there, name) || seen[name] {
			t.Errorf("%s is no test, or is named twice", name)
		}
		seen[name] = true
	}
	for text, want := range map[string]bool{"TestKnock": true, "TestKnockers": false, "ATestKnock": false} {
		if regexp.MustCompile(oneOf("TestSweep TestKnock")).MatchString(text) != want {
			t.Errorf("%s is chosen: %v, want %v", text, !want, want)
		}
	}
}
