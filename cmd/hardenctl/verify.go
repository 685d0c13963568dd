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
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify"
	"github.com/hardenctl/hardenctl/internal/verify/page"
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
		Short: "Attack a profile in a throwaway network and say what held",
		Long: `Build a network out of namespaces, apply the profile for real to a server in it,
with a listener on every port of every service and on others that must stay
hidden, and attack it from outside: all 65,536 ports, probes until the ban,
the scan types of nmap, masscan and zmap (or those of a prober of our own, where
one of them is missing), and wrong and right knocks at every door, over IPv4 and IPv6, while a client, a
crawler and an admin keep visiting.

What takes hours, such as one probe in some minutes, is played as many times as
fast against a copy of the profile whose windows are as many times shorter. The
report says how many.

It prints what each attack learned, what honest people noticed, each promise
of the profile, kept or broken, and what it could not judge. This host, its
firewall and its network are not touched. It takes about a minute, and root to
make the namespaces; nothing is sent to any other host.

It exits 0 if every promise was kept, and else 1.`,
		Example: `  hardenctl verify web.toml
  hardenctl verify web.toml --html report.html
  hardenctl verify builtin:web --quick --json`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := verifyFlags{
		allowed: allowFlag(cmd),
		asJSON:  cmd.Flags().Bool("json", false, "print the report as JSON"),
		html:    cmd.Flags().String("html", "", "also write the report as a page into this file"),
		noNmap:  cmd.Flags().Bool("no-nmap", false, "scan with our own prober even where nmap, masscan and zmap are installed"),
		quick:   cmd.Flags().Bool("quick", false, "run four of the scan types instead of all"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

// errVerifyNotRoot is the error of a process that may not make namespaces.
var errVerifyNotRoot = errors.New("verify makes network namespaces, and only root may: run it as root (nothing outside of them is changed)")

// errNoIproute is the error of a machine on which no network can be built.
var errNoIproute = errors.New("verify builds its network with ip: install the package iproute2 (iproute on RHEL)")

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
	lab.Main(inLab(func() int { return report(f.attack(cmd, args)) }))
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
	if err := keepsOthers("html", file, filekind.Unknown); err != nil {
		return err
	}
	if at, err := os.Stat(file); err == nil && at.IsDir() {
		return fmt.Errorf("--html %s: this is a folder; name a file, such as %s", file, filepath.Join(file, "report.html"))
	}
	return writableAt("html", file)
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
			return fmt.Errorf("--html %s: the attack runs with a %s of its own, and the file would go with it; name one elsewhere", file, folder)
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
		return exit{code: exitError}
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
	s, err := openSource(args, *f.allowed)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.compile(cmd, *f.asJSON)
	if err != nil {
		return nil, nil, err
	}
	p, _ := profile.Read(s.name, s.files) // compile has reported what is wrong
	return p, b, nil
}

// explainVerify adds what to do to errors that have an obvious remedy.
func explainVerify(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped; nothing of the attack is left")
	}
	return fmt.Errorf("the attack could not be carried out: %w", err)
}

// show prints a report, and writes the page.
func (f verifyFlags) show(cmd *cobra.Command, r *verify.Report) error {
	if *f.asJSON {
		if err := writeJSON(cmd.OutOrStdout(), r); err != nil {
			return err
		}
	} else {
		r.Print(cmd.OutOrStdout())
	}
	if *f.html == "" {
		return nil
	}
	text, err := page.Write(r)
	if err != nil {
		return err
	}
	return safepath.WriteFile(*f.html, text, 0o644)
}

// progress says each step on a terminal.
func (f verifyFlags) progress(cmd *cobra.Command) func(string) {
	w := cmd.ErrOrStderr()
	if !isTerminal(w) {
		return func(string) {}
	}
	return func(step string) { fmt.Fprintf(w, "… %s\n", step) }
}
