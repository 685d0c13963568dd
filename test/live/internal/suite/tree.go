package suite

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TreeVariable says in which Debian of another generation test/scripts/within runs
// the tests (make matrix): its tools and their libraries on this kernel. Unset,
// the tools are this machine's.
const TreeVariable = "HARDENCTL_TREE"

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
		TestScannersFindNothing TestSystemIsNotGuessed TestOpenPortWithoutFingerprint TestHowtoFlaws TestHowtoFlawsOverTime
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
		TestLinkNeighboursLearnNothing TestOnePortForSeveralGroups TestClosedConnectionIsForgotten TestAnsweredFlowIsForgotten
		TestAdminGetsInWithAFullTable TestOnlyAdminsAreUntracked TestUntrackedAdminLearnsMTU
		TestSynProxyPortUsedAgain TestScansOfSynProxy TestVerify TestVerifyBroken
		TestWitnesses TestWitnessesOfAll TestRandomPackets TestRandomPacketsOfAll TestRandomRulesets TestRandomRulesetsOfAll TestDumps`},
}

// chooseForTree sets the flags of testing for a run in a tree and says what it
// is a run of. The choice of a command line stays: -run against -short, and what
// -skip names is left out too.
func chooseForTree() {
	tree := os.Getenv(TreeVariable)
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

// tell says which tools run, and what is left out of the tests of this program.
func tell(generation string) {
	fmt.Printf("%s: %s\n", generation, versions())
	own, err := exec.Command(os.Args[0], "-test.list", "^Test").Output()
	if err != nil {
		fmt.Printf("left out: not known: %v\n", err)
	}
	for _, l := range leftOut {
		tests := slices.DeleteFunc(strings.Fields(l.tests), func(name string) bool { return !slices.Contains(strings.Fields(string(own)), name) })
		if len(tests) > 0 {
			fmt.Printf("left out: %s:\n\t%s\n", l.why, strings.Join(tests, " "))
		}
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
