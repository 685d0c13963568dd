// Hardenctl makes a Linux host invisible and unrewarding to port scanners. It
// compiles a TOML profile to iptables, ipset and sysctl artifacts, shows how
// the live host differs, and moves the host there.
//
// One file holds one command: flags in, one call, one view out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// version is set by the linker of a release.
var version = "development"

// Exit codes. Codes 0 to 2 of plan are Terraform's.
const (
	exitError     = 1 // bad input, or a host that could not be read; nothing changed
	exitChanges   = 2 // plan --detailed-exitcode: there are changes
	exitReverted  = 3 // apply failed, and everything went back
	exitUncertain = 4 // apply failed, and so did going back: look at the host
	exitUnwritten = 5 // apply did its work, and could not say so
	exitBusy      = 6 // another program held a lock, or a trial was pending, for too long; nothing changed, try again
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
	finish()
	stop()
	os.Exit(report(err))
}

// report prints the error of a command and returns the exit code.
func report(err error) int {
	if err == nil {
		return 0
	}
	code := exitError
	if errors.Is(err, apply.ErrBusy) || errors.Is(err, tool.ErrLocked) {
		code = exitBusy
	}
	var e exit
	if errors.As(err, &e) {
		code = e.code
	}
	if !errors.As(err, &e) || e.err != nil {
		fmt.Fprintf(newScreen(os.Stderr), "hardenctl: %v\n", inOurWords(err))
	}
	return code
}

// refuseEmpty returns an error for a flag that was given without a value, as a
// script does whose variable is not set: it would count as a flag not given.
func refuseEmpty(cmd *cobra.Command, name string) error {
	if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
		return fmt.Errorf("--%s needs the name of a file, and got an empty one", name)
	}
	return nil
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "hardenctl",
		Short: "Make a Linux host invisible and unrewarding to port scanners",
		Long: `hardenctl compiles a profile (TOML) to the exact iptables, ipset and sysctl
state of a host, shows how the live host differs, and moves it there in one
transaction that goes back as a whole if any part of it fails.

A PROFILE argument is the path of a file or builtin:NAME; without one, commands
take ` + defaultProfile + `.`,
		Example: `  hardenctl profiles                      what is built in
  hardenctl check web.toml                is the profile right?
  hardenctl compile web.toml -o bundle    the files, for review
  hardenctl plan web.toml                 what would change on this host
  hardenctl apply web.toml                change it, on trial
  hardenctl confirm                       keep the change; from a new login
  hardenctl rollback                      change it back
  hardenctl verify web.toml               attack it, in a throwaway network`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newCheck(), newCompile(), newPlan(), newApply(), newConfirm(), newRevert(), newHistory(), newRollback(), newRestore(), newVerify(), newKnock(), newProfiles())
	return root
}

// flagError says how a time is written where one was given without a unit, or
// in days, and where the flags of a command are listed.
func flagError(cmd *cobra.Command, err error) error {
	if strings.HasPrefix(err.Error(), "unknown ") {
		return fmt.Errorf("%w; %s --help lists the flags", err, cmd.CommandPath())
	}
	if strings.Contains(err.Error(), "in duration") {
		return fmt.Errorf("%w; a time is a number with its unit, such as 90s, 5m or 1h", err)
	}
	return err
}
