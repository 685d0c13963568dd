package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host/knock"
)

func newKnock() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "knock HOST (--profile PROFILE [--name NAME] | --ports PORTS)",
		Short: "Send a knock sequence to another host, so that it opens a service",
		Long: `Send one packet to each port of a sequence, in order. For TCP it starts a
connection and drops it at once. For UDP it sends an empty datagram. A host that
expects the sequence then accepts connections from this address for a while. knock
needs no root.

The sequence comes from the profile of that host, or from --ports. The list of
processes shows --ports to every user of this machine, and your shell saves it in
its history. To keep the sequence secret, use a profile that only you can read.
Anyone who can capture your packets can see the knocks.

The host does not answer. To see whether the service is open, connect to it. If
HOST has IPv4 and IPv6 addresses, knock uses both; -4 or -6 selects one.`,
		Example: `  hardenctl knock bastion.example.com --profile bastion.toml
  hardenctl knock 192.0.2.1 --profile bastion.toml --name front-door
  hardenctl knock 2001:db8::1 --ports tcp/7000,udp/8000,tcp/9000
  hardenctl knock bastion.example.com -6 --ports tcp/7000,udp/8000,tcp/9000 --delay 500ms`,
		Args: cobra.ExactArgs(1),
	}
	var f knockFlags
	cmd.Flags().StringVar(&f.profile, "profile", "", "profile of that host, which has the sequence")
	cmd.Flags().StringVar(&f.name, "name", "", "name of the knock, if the profile has more than one")
	cmd.Flags().StringSliceVar(&f.ports, "ports", nil, "sequence of ports, such as tcp/7000,udp/8000,tcp/9000")
	f.delay = option.Duration(cmd, "delay", knock.MinDelay, "time between two knocks", longEnough)
	cmd.Flags().BoolVarP(&f.four, "ipv4", "4", false, "use IPv4 only")
	cmd.Flags().BoolVarP(&f.six, "ipv6", "6", false, "use IPv6 only")
	f.asJSON = cmd.Flags().Bool("json", false, "print the result as JSON")
	f.allowed = option.Allow(cmd)
	cmd.MarkFlagsOneRequired("profile", "ports")
	cmd.MarkFlagsMutuallyExclusive("profile", "ports")
	cmd.MarkFlagsMutuallyExclusive("name", "ports")
	cmd.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }
	return cmd
}

type knockFlags struct {
	profile, name string
	ports         []string
	delay         *time.Duration
	four, six     bool
	asJSON        *bool
	allowed       *[]string
}

// knocked is the JSON form of what was done.
type knocked struct {
	Host      string       `json:"host"`
	Addresses []netip.Addr `json:"addresses"` // to which every knock was sent
	Sequence  []string     `json:"sequence"`
	// The rest is known from a profile only.
	Knock    string   `json:"knock,omitempty"`
	Services []string `json:"services,omitempty"` // that it opens
	Open     string   `json:"open,omitempty"`     // for how long, such as "30s"
}

func (f knockFlags) run(cmd *cobra.Command, host string) error {
	d, err := f.door(cmd)
	if err != nil {
		return err
	}
	if d.step > 0 && *f.delay >= d.step {
		return fmt.Errorf("--delay %v: must be at least %v, and less than the knock's step, %v", *f.delay, knock.MinDelay, d.step)
	}
	reached, err := f.send(cmd.Context(), host, d)
	if len(reached) == 0 {
		return err
	}
	if err != nil {
		terminal.Complain(cmd.ErrOrStderr(), err)
	}
	done := d.done
	done.Host, done.Addresses = host, reached
	if err := f.show(cmd.OutOrStdout(), done); err != nil {
		return exitcode.ExitError{Code: exitcode.Unwritten, Err: fmt.Errorf("the knocks are sent, but the output could not be written: %w", err)}
	}
	return nil
}

func (f knockFlags) show(w io.Writer, done knocked) error {
	if *f.asJSON {
		return terminal.JSON(w, done)
	}
	return done.print(w)
}

// longEnough returns why a time between two knocks is too short.
func longEnough(delay time.Duration) error {
	if delay < knock.MinDelay {
		return fmt.Errorf("must be at least %v", knock.MinDelay)
	}
	return nil
}

func (f knockFlags) send(ctx context.Context, host string, d door) ([]netip.Addr, error) {
	network := "ip"
	switch {
	case f.four:
		network = "ip4"
	case f.six:
		network = "ip6"
	}
	addresses, err := knock.Resolve(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return knock.Everywhere(ctx, addresses, d.sequence, *f.delay)
}

// print says what was done and what to do next.
func (k knocked) print(w io.Writer) error {
	var addresses []string
	for _, a := range k.Addresses {
		addresses = append(addresses, a.String())
	}
	what, howLong := "the service", ""
	if len(k.Services) > 0 {
		what, howLong = strings.Join(k.Services, ", "), " for "+k.Open
	}
	_, err := fmt.Fprintf(w, "Sent the knocks to %s: %s.\nIf all of them arrived, %s is now open to you%s. Connect now, for example: ssh %s\n",
		strings.Join(addresses, " and "), strings.Join(k.Sequence, ", "), what, howLong, k.Host)
	return err
}

// door is what is known of a door before anyone knocks.
type door struct {
	sequence []knock.Port
	step     time.Duration // 0 if it is not known
	done     knocked
}

func newDoor(sequence []profile.Port) door {
	var d door
	for _, p := range sequence {
		d.sequence = append(d.sequence, knock.Port{Network: string(p.Protocol), Number: p.First})
		d.done.Sequence = append(d.done.Sequence, p.String())
	}
	return d
}

func (f knockFlags) door(cmd *cobra.Command) (door, error) {
	if f.profile == "" {
		sequence, err := profile.ParseSequence(f.ports)
		if err != nil {
			return door{}, fmt.Errorf("--ports: %w", err)
		}
		return newDoor(sequence), nil
	}
	p, err := f.read(cmd)
	if err != nil {
		return door{}, err
	}
	k, err := f.choose(p.Knocks)
	if err != nil {
		return door{}, err
	}
	d := newDoor(k.Sequence)
	d.step, d.done.Knock, d.done.Open = k.Step, k.Name, short(k.Open)
	for _, s := range p.Services {
		if s.Knock.Name == k.Name {
			d.done.Services = append(d.done.Services, fmt.Sprintf("%s (%s)", s.Name, join(s.Ports)))
		}
	}
	return d, nil
}

// read reads the profile as far as a client needs it: what is wrong between
// its parts is the host's concern.
func (f knockFlags) read(cmd *cobra.Command) (*profile.Profile, error) {
	s, err := source.Open([]string{f.profile}, *f.allowed)
	if err != nil {
		return nil, err
	}
	p, list := profile.Read(s.Name, s.Files)
	if p == nil {
		s.Print(cmd, list)
		return nil, exitcode.ExitError{Code: exitcode.Error}
	}
	return p, nil
}

// choose returns the knock that is named, or the only one.
func (f knockFlags) choose(knocks []profile.Knock) (profile.Knock, error) {
	var names []string
	for _, k := range knocks {
		if k.Name == f.name || f.name == "" && len(knocks) == 1 {
			return k, nil
		}
		names = append(names, k.Name)
	}
	switch {
	case len(knocks) == 0:
		return profile.Knock{}, fmt.Errorf("%s has no knock; add [knocks.NAME] with a sequence, or use --ports", f.profile)
	case f.name == "":
		return profile.Knock{}, errors.New("the profile has more than one knock; choose one with --name: " + strings.Join(names, ", "))
	}
	return profile.Knock{}, fmt.Errorf("%s has no knock %q; it has %s", f.profile, f.name, strings.Join(names, ", "))
}

// short writes whole hours and minutes without the zeros behind them.
func short(d time.Duration) string {
	text := d.String()
	for _, zeros := range []struct{ unit, zero string }{{"m", "0s"}, {"h", "0m"}} {
		if strings.HasSuffix(text, zeros.unit+zeros.zero) {
			text = strings.TrimSuffix(text, zeros.zero)
		}
	}
	return text
}

func join(ports []profile.Port) string {
	var words []string
	for _, p := range ports {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}
