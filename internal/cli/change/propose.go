package change

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
)

// proposal is what an apply would do to the host, as both were at one moment.
type proposal struct {
	target  host.Target
	reading *host.Reading
	// lockout is why the guard refuses it, and undone the rollback that it would
	// come after without the word of a person; nil if nothing is wrong.
	lockout error
	undone  *rolledBackError
}

// unapplied is a proposal that was not applied, with the reason if it failed.
func (p proposal) unapplied(err error) applied {
	if p.reading == nil {
		return unapplied(nil, err)
	}
	return unapplied(p.reading.Plan, err)
}

// readAndApply plans, shows the plan, asks, and applies.
func (f Flags) readAndApply(cmd *cobra.Command, args []string) applied {
	if err := f.Early(cmd, args); err != nil {
		return unapplied(nil, err)
	}
	within := f.trialTime(cmd)
	if *f.approved {
		return f.applyApproved(cmd, args, within)
	}
	return f.applyAsked(cmd, args, within)
}

// applyApproved holds the lock from before it looks what to apply, since the last
// generation may be another while one waits, until after the last change. A
// person who reads the plan page by page does not hold the lock by it.
func (f Flags) applyApproved(cmd *cobra.Command, args []string, within time.Duration) applied {
	written := func() {}
	defer func() { written() }()
	held, err := f.open(cmd)
	if err != nil {
		return unapplied(nil, err)
	}
	defer held.Close()
	p, err := f.propose(cmd, held, args)
	if err != nil {
		return p.unapplied(err)
	}
	if written, err = f.show(cmd, p); err != nil {
		return p.unapplied(err)
	}
	if err := f.refusal(cmd, p); err != nil || p.reading.Plan.Empty() {
		return p.unapplied(err)
	}
	if err := f.unproven(p.target, within); err != nil {
		return p.unapplied(err)
	}
	return p.apply(cmd.Context(), held, within)
}

// applyAsked holds no lock while a person reads and is asked. What has changed
// meanwhile is noticed afterwards, and refused.
func (f Flags) applyAsked(cmd *cobra.Command, args []string, within time.Duration) applied {
	p, err := f.proposeInTurn(cmd, args)
	if err != nil {
		return p.unapplied(err)
	}
	written, err := f.show(cmd, p)
	if err != nil {
		return p.unapplied(err)
	}
	written()
	if err := f.refusal(cmd, p); err != nil || p.reading.Plan.Empty() {
		return p.unapplied(err)
	}
	if err := f.ask(cmd); err != nil {
		return p.unapplied(err)
	}
	held, err := f.open(cmd)
	if err != nil {
		return p.unapplied(err)
	}
	defer held.Close()
	again, err := f.propose(cmd, held, args)
	if err == nil {
		err = errors.Join(again.sameAs(p), f.refusal(cmd, again))
	}
	if err != nil {
		return p.unapplied(err)
	}
	return again.apply(cmd.Context(), held, within)
}

// open waits until no trial is pending, and takes the lock.
func (f Flags) open(cmd *cobra.Command) (*host.Handle, error) {
	return local.Host.OpenIdle(cmd.Context(), local.Waiting(cmd, *f.lockTimeout, *f.AsJSON))
}

// apply applies a proposal.
func (p proposal) apply(ctx context.Context, held *host.Handle, within time.Duration) applied {
	return applied{held.Apply(ctx, p.reading, p.target, within), p.reading.Plan, within}
}

// proposeInTurn is propose, with the lock held for as long as it takes.
func (f Flags) proposeInTurn(cmd *cobra.Command, args []string) (proposal, error) {
	held, err := f.open(cmd)
	if err != nil {
		return proposal{}, err
	}
	defer held.Close()
	return f.propose(cmd, held, args)
}

// propose reads what to apply, and the host.
func (f Flags) propose(cmd *cobra.Command, held *host.Handle, args []string) (p proposal, err error) {
	if p.target, err = f.Load(cmd, args); err != nil {
		return p, err
	}
	if p.reading, err = held.Plan(cmd.Context(), p.target); err != nil {
		return p, err
	}
	p.lockout, p.undone = f.guard(cmd, p.reading), f.undone()
	if p.undone != nil {
		p.undone.note(p.reading.Plan)
	}
	if p.reading.Plan.Empty() && p.reading.Plan.Rival() == nil {
		return p, errors.Join(f.accept(held), held.GiveBack(p.reading, p.target))
	}
	return p, nil
}

// refusal returns why a proposal must not be applied.
func (f Flags) refusal(cmd *cobra.Command, p proposal) error {
	if err := p.reading.Plan.Rival(); err != nil {
		return fmt.Errorf("%w. Nothing was changed", err)
	}
	if p.reading.Plan.Empty() {
		return nil
	}
	if p.undone != nil && !f.asks(cmd) {
		return p.undone
	}
	return p.lockout
}

// sameAs returns an error if this is not what was shown before.
func (p proposal) sameAs(shown proposal) error {
	const again = "has changed while you read the plan. Nothing was changed; run the command again"
	if p.target.From != shown.target.From || !bytes.Equal(p.target.Bundle.ManifestText(), shown.target.Bundle.ManifestText()) {
		return errors.New("the profile " + again)
	}
	if !p.reading.SameHost(shown.reading) {
		return errors.New("the host " + again)
	}
	return nil
}

// ask asks on a terminal; elsewhere somebody must have said yes before.
func (f Flags) ask(cmd *cobra.Command) error {
	if !f.asks(cmd) {
		return errors.New("no terminal to ask on; add --auto-approve")
	}
	fmt.Fprint(terminal.Asked(cmd), "Apply this plan? Type \"yes\" to apply: ")
	if readAnswer(cmd.Context(), cmd.InOrStdin()) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// showTime is how long an apply waits until its plan is written: longer than
// anything but a person takes.
const showTime = time.Second

// show writes the plan for a person. A pager that is full does not hold up the
// apply: the writing goes on beside it, and written waits for its end.
func (f Flags) show(cmd *cobra.Command, p proposal) (written func(), err error) {
	if *f.AsJSON {
		return func() {}, nil
	}
	var text bytes.Buffer
	w := cmd.OutOrStdout()
	if err := PrintPlan(&text, p.reading, terminal.Colourful(w), *f.full); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.Write(text.Bytes())
		done <- err
	}()
	select {
	case err := <-done:
		return func() {}, err
	case <-time.After(showTime):
		return func() { <-done }, nil
	}
}

// readAnswer returns a line, or nothing if a signal comes before it. The reader
// is left behind then: a read from a terminal cannot be called back.
func readAnswer(ctx context.Context, from io.Reader) string {
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(from).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line
	case <-ctx.Done():
		return ""
	}
}

// PrintPlan writes a plan for a person: in a screen, or in full.
func PrintPlan(w io.Writer, r *host.Reading, colour, full bool) error {
	if _, err := fmt.Fprintf(w, "%s on this host (iptables %s, %s)\n\n", r.Plan.Profile, r.Tools.Version, r.Tools.Backend); err != nil {
		return err
	}
	return r.Plan.Print(w, colour, full)
}
