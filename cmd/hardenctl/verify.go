package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/filekind"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/outfile"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify"
	"github.com/hardenctl/hardenctl/internal/verify/page"
	"github.com/hardenctl/hardenctl/internal/verify/report"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	allowed       *[]string
	asJSON        *bool
	html          *string
	noNmap, quick *bool
}

func newVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [PROFILE]",
		Short: "Attack a profile in a test network and report what held",
		Long: `Attack a profile in a test network and report what the attacks found. verify
builds the network from namespaces, applies the profile to a server in it, and
attacks that server over IPv4 and IPv6. The server listens on every port of every
service, and on ports that must stay hidden. The attacks scan all 65,536 ports,
probe until the ban, run the scan types of nmap, masscan and zmap, and send wrong
and right knocks. If a scanner is not installed, verify uses its own. Meanwhile a
client, a crawler and an admin keep connecting.

Slow scans that would take hours run faster, against a copy of the profile whose
time windows are shorter by the same factor. The report shows the factor.

The report lists what each attack learned, what legitimate users noticed, each
promise of the profile (kept or broken), and what verify could not test. verify
does not change this host, its firewall or its network, and sends nothing to other
hosts. It takes about a minute. It needs root to create the namespaces.`,
		Example: `  hardenctl verify web.toml
  hardenctl verify web.toml --html report.html
  hardenctl verify builtin:web --quick --json`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := verifyFlags{
		allowed: option.Allow(cmd),
		asJSON:  cmd.Flags().Bool("json", false, "print the report as JSON"),
		html:    cmd.Flags().String("html", "", "also write the report to this file, as an HTML page"),
		noNmap:  cmd.Flags().Bool("no-nmap", false, "use the built-in scanner even if nmap, masscan and zmap are installed"),
		quick:   cmd.Flags().Bool("quick", false, "run only four scan types"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

// errVerifyNotRoot is the error of a process that may not make namespaces.
var errVerifyNotRoot = errors.New("verify creates network namespaces, which only root can do: run it as root (it changes nothing outside of them)")

// errNoIproute is the error of a machine on which no network can be built.
var errNoIproute = errors.New("verify needs the command ip: install the package iproute2 (iproute on RHEL)")

// run runs twice: as the command, which makes a lab and runs itself again
// there, and inside of that.
func (f verifyFlags) run(cmd *cobra.Command, args []string) error {
	if os.Geteuid() != 0 {
		return errVerifyNotRoot
	}
	if !installed("ip") {
		return errNoIproute
	}
	if err := checkPage(*f.html); err != nil {
		return err
	}
	lab.Main(inLab(func() int {
		return complain(terminal.Whole(f.attack(cmd, args), terminal.Unwritten(cmd.OutOrStdout())))
	}))
	return nil // not reached: lab.Main ends the process
}

// inLab is what runs in a lab.
type inLab func() int

func (f inLab) Run() int { return f() }

// checkPage reports, before anything is done, why a page could not be written
// into this file afterwards.
func checkPage(file string) error {
	if file == "" {
		return nil
	}
	if err := outlives(file); err != nil {
		return err
	}
	if err := outfile.KeepsOthers("html", file, filekind.Unknown); err != nil {
		return err
	}
	if at, err := os.Stat(file); err == nil && at.IsDir() {
		return fmt.Errorf("--html %s: this is a folder; name a file, such as %s", file, filepath.Join(file, "report.html"))
	}
	return outfile.Writable("html", file)
}

// outlives reports why a file would not outlive the lab, whose /etc, /run and
// /var/lib are its own.
func outlives(file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	for _, folder := range []string{"/etc/", "/run/", "/var/run/", "/var/lib/"} {
		if strings.HasPrefix(path, folder) {
			return fmt.Errorf("--html %s: verify uses a private %s, which is removed at the end; choose another folder", file, folder)
		}
	}
	return nil
}

// attack is the command inside of the lab.
func (f verifyFlags) attack(cmd *cobra.Command, args []string) error {
	p, b, err := f.load(cmd, args)
	if err != nil {
		return err
	}
	options := verify.Options{
		Nmap: f.scansWith("nmap"), Masscan: f.scansWith("masscan"), ZMap: f.scansWith("zmap"),
		Quick: *f.quick, Progress: f.progress(cmd),
	}
	r, err := verify.Run(cmd.Context(), p, b, options)
	if err != nil {
		return explainVerify(err)
	}
	if err := f.show(cmd, r); err != nil {
		return err
	}
	if !r.Kept() {
		return exitcode.ExitError{Code: exitcode.Error}
	}
	return nil
}

// scansWith reports whether a scanner is there and wanted.
func (f verifyFlags) scansWith(program string) bool { return !*f.noNmap && installed(program) }

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// load returns the profile and its bundle.
func (f verifyFlags) load(cmd *cobra.Command, args []string) (*profile.Profile, *bundle.Bundle, error) {
	s, err := source.Open(args, *f.allowed)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.Compile(cmd, *f.asJSON)
	if err != nil {
		return nil, nil, err
	}
	p, _ := profile.Read(s.Name, s.Files) // compile has reported what is wrong
	return p, b, nil
}

// explainVerify adds what to do to errors that have an obvious remedy.
func explainVerify(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped; the test network was removed")
	}
	return fmt.Errorf("the attack could not run: %w", err)
}

// show prints a report, and writes the page.
func (f verifyFlags) show(cmd *cobra.Command, r *verify.Report) error {
	if *f.asJSON {
		if err := terminal.JSON(cmd.OutOrStdout(), r); err != nil {
			return err
		}
	} else {
		report.Print(cmd.OutOrStdout(), r)
	}
	if *f.html == "" {
		return nil
	}
	text, err := page.Write(r)
	if err != nil {
		return err
	}
	return durable.WriteOut(*f.html, text, 0o644)
}

// progress says each step on a terminal.
func (f verifyFlags) progress(cmd *cobra.Command) func(string) {
	w := cmd.ErrOrStderr()
	if !terminal.Is(w) {
		return func(string) {}
	}
	return func(step string) { fmt.Fprintf(w, "… %s\n", step) }
}
