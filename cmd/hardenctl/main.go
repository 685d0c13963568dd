// Hardenctl makes a Linux host invisible and unrewarding to port scanners. It
// compiles a TOML profile to iptables, ipset and sysctl files, shows how
// the live host differs, and moves the host there.
//
// One file holds one command: flags in, one call, one view out.
package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/environ"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
)

// version is what the linker of a release sets: make VERSION=1.2.3.
var version string

// built is what --version prints: the version, or what go knows of the build, such
// as the version of `go install`.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if version == "" && ok && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return cmp.Or(version, "development")
}

func main() {
	environ.Scrub()
	// A signal cancels: an apply that is under way is undone before it ends.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	root := newRoot()
	finish := terminal.Attach(root)
	err := root.ExecuteContext(ctx)
	err = terminal.Whole(err, finish())
	stop()
	os.Exit(complain(err))
}

// complain prints the error of a command and returns the exit code.
func complain(err error) int {
	var e exitcode.ExitError
	if err != nil && (!errors.As(err, &e) || e.Err != nil) {
		terminal.Complain(terminal.NewScreen(os.Stderr), option.Explain(err))
	}
	return change.CodeOf(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "hardenctl",
		Short: "Harden a Linux host against port scanners, from one profile",
		Long: `hardenctl compiles a profile (TOML) to iptables rules, ipset sets and kernel
settings. It shows how this host differs from the profile, and changes the host in
one transaction. If any part fails, hardenctl undoes the whole change.

PROFILE is the path of a file, or builtin:NAME for a built-in profile. The default
is ` + source.Default + `.`,
		Example: `  hardenctl profiles                      list the built-in profiles
  hardenctl check web.toml                validate a profile
  hardenctl compile web.toml -o bundle    write the firewall files, for review
  hardenctl explain PACKET web.toml       say what the rules do with a packet
  hardenctl reach web.toml                list who reaches which port
  hardenctl import rules.v4 -o web.toml   write a profile from the rules of another firewall
  hardenctl diff web.toml new.toml        say which packets are decided differently
  hardenctl plan web.toml                 show what would change on this host
  hardenctl apply web.toml                change this host, on trial
  hardenctl confirm                       make the change permanent (new SSH session)
  hardenctl rollback                      restore the generation before
  hardenctl verify web.toml               attack the profile in a test network`,
		Version:       built(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(option.Error)
	root.SetHelpTemplate(helpTemplate)
	root.AddCommand(newCheck(), newCompile(), newPlan(), newApply(), newConfirm(), newRevert(), newHistory(), newRollback(), newRestore(), newVerify(), newExplain(), newDiff(), newReach(), newImport(), newKnock(), newProfiles())
	return root
}

// helpTemplate is cobra's own, with the exit codes at the end.
const helpTemplate = `{{with or .Long .Short}}{{trimTrailingWhitespaces .}}

{{end}}{{.UsageString}}{{with exitCodes .}}
Exit Codes:
{{.}}{{end}}`

func init() { cobra.AddTemplateFunc("exitCodes", exitCodes) }

// exitCodes lists the codes with which a command ends, for its help.
func exitCodes(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return exitcode.Text(exitcode.General())
	}
	return exitcode.Text(exitcode.Of(cmd.Name()))
}
