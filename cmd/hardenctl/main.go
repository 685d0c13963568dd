// Hardenctl makes a Linux host invisible and unrewarding to port scanners. It
// compiles a TOML profile to iptables, ipset and sysctl artifacts, shows how
// the live host differs, and moves the host there.
//
// One file holds one command: flags in, one call, one view out.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/host"
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

// The exit codes by shorter names; exitcode.Table says what they mean.
const (
	exitError     = exitcode.Error
	exitChanges   = exitcode.Changes
	exitUnwritten = exitcode.Unwritten
	exitBusy      = exitcode.Busy
)

// exit is an error that ends the process with a code of its own. A nil err
// prints nothing: the command has said all.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

func main() {
	scrub()
	// A signal cancels: an apply that is under way goes back before it ends.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	root := newRoot()
	finish := show(root)
	err := root.ExecuteContext(ctx)
	err = whole(err, finish())
	stop()
	os.Exit(report(err))
}

// report prints the error of a command and returns the exit code.
func report(err error) int {
	var e exit
	if err != nil && (!errors.As(err, &e) || e.err != nil) {
		complain(newScreen(os.Stderr), inOurWords(err))
	}
	return codeOf(err)
}

// codeOf returns the exit code of a command that has ended with an error, or none.
func codeOf(err error) int {
	var e exit
	switch {
	case err == nil:
		return exitcode.OK
	case errors.As(err, &e):
		return e.code
	case host.Busy(err):
		return exitBusy
	}
	return exitError
}

// complain prints an error. Its other lines, such as those of a tool, begin with a
// blank: a name in it that has a newline looks like no message of ours.
func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "hardenctl: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
}

// refuseEmpty returns an error for a flag that was given without a value, as a
// script does whose variable is not set: it would count as a flag not given.
func refuseEmpty(cmd *cobra.Command, name string) error {
	if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
		return fmt.Errorf("--%s: the file name is empty", name)
	}
	return nil
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "hardenctl",
		Short: "Harden a Linux host against port scanners, from one profile",
		Long: `hardenctl compiles a profile (TOML) to iptables rules, ipset sets and kernel
settings. It shows how this host differs from the profile, and changes the host in
one transaction. If any part fails, hardenctl undoes the whole change.

PROFILE is the path of a file, or builtin:NAME for a built-in profile. The default
is ` + defaultProfile + `.`,
		Example: `  hardenctl profiles                      list the built-in profiles
  hardenctl check web.toml                validate a profile
  hardenctl compile web.toml -o bundle    write the firewall files, for review
  hardenctl plan web.toml                 show what would change on this host
  hardenctl apply web.toml                change this host, on trial
  hardenctl confirm                       make the change permanent (new SSH session)
  hardenctl rollback                      restore the generation before
  hardenctl verify web.toml               attack the profile in a test network`,
		Version:       built(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(flagError)
	root.SetHelpTemplate(helpTemplate)
	root.AddCommand(newCheck(), newCompile(), newPlan(), newApply(), newConfirm(), newRevert(), newHistory(), newRollback(), newRestore(), newVerify(), newKnock(), newProfiles())
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

// flagError says how a time is written where one was given without a unit, or
// in days, and where the flags of a command are listed.
func flagError(cmd *cobra.Command, err error) error {
	if strings.HasPrefix(err.Error(), "unknown ") {
		return fmt.Errorf("%w; `%s --help` lists the flags", err, cmd.CommandPath())
	}
	if strings.Contains(err.Error(), "in duration") {
		return fmt.Errorf("%w; write a number with a unit, such as 90s, 5m or 1h", err)
	}
	return err
}
