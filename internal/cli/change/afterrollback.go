package change

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// rolledBackError is the generation that is live and is a rollback. The profile on
// disk is then most likely the one that was undone, and the next apply of
// cron or Ansible would bring it back: an apply wants the word of a person.
type rolledBackError struct {
	generation.Generation
	// given is the number that a person gave with --after-rollback, which is not
	// this one's; 0 for none.
	given int
}

// AfterRollbackFlag adds the flag that is that word. It names the rollback, so
// that a script in which it is left says nothing about the next one.
func AfterRollbackFlag(cmd *cobra.Command) *int {
	return cmd.Flags().Int("after-rollback", 0, "apply although the last change was a rollback; give the rollback's number")
}

// story says what was done, by whom and when.
func (b rolledBackError) story() string {
	to := fmt.Sprintf("generation %d", b.From)
	if b.From == 0 {
		to = "the state before hardenctl"
	}
	return fmt.Sprintf("the last change on this host was a rollback to %s, by %s at %s", to, b.Who, b.When.Local().Format("2006-01-02 15:04:05"))
}

// Error is the refusal.
func (b rolledBackError) Error() string {
	wrong := ""
	if b.given != 0 {
		wrong = fmt.Sprintf(" --after-rollback %d is wrong: this rollback has the number %d.", b.given, b.Number)
	}
	return fmt.Sprintf("%s.%s This apply may undo that rollback. Nothing was changed. If the plan is right, add --after-rollback %d, or answer yes on a terminal", b.story(), wrong, b.Number)
}

// note tells the reader of a plan that an apply of it would be refused.
func (b rolledBackError) note(p *plan.Plan) {
	p.Notes = append(p.Notes, fmt.Sprintf("%s. An apply may undo that rollback: it is refused without --after-rollback %d, or a yes on a terminal", b.story(), b.Number))
}

// NoteRollback adds the note where there is reason for it.
func NoteRollback(p *plan.Plan) {
	if live, ok := local.Host.Generations.LastRollback(); ok {
		rolledBackError{Generation: live}.note(p)
	}
}

// undone returns the rollback that an apply would come after without the word
// of a person; nil if there is none. A rollback is such a word itself.
func (f Flags) undone() *rolledBackError {
	if f.AfterRollback == nil {
		return nil
	}
	live, ok := local.Host.Generations.LastRollback()
	if !ok || live.Number == *f.AfterRollback {
		return nil
	}
	return &rolledBackError{Generation: live, given: *f.AfterRollback}
}

// accept keeps the word of a person who has nothing to apply: the profile was
// corrected already, and its next change does not undo the rollback.
func (f Flags) accept(held *host.Handle) error {
	if f.AfterRollback == nil {
		return nil
	}
	if live, ok := local.Host.Generations.LastRollback(); ok && live.Number == *f.AfterRollback {
		return held.Accept(live.Number)
	}
	return nil
}

// asks reports whether a person will be asked before anything is changed.
func (f Flags) asks(cmd *cobra.Command) bool {
	return !*f.approved && !*f.AsJSON && terminal.Asked(cmd) != nil
}

// afterwards says, if the generation of that number is a rollback, what comes
// after it; else nothing.
func afterwards(number int) string {
	live, ok := local.Host.Generations.LastRollback()
	if !ok || live.Number != number {
		return ""
	}
	text := fmt.Sprintf(`
The profile on disk did not change. An apply of it may undo this rollback. So every
apply is refused, also from cron or Ansible, until a person answers yes on a
terminal, or passes --after-rollback %d.`, number)
	if live.From > 0 {
		text += fmt.Sprintf(` Fix the profile first. The profile that is
live now is in %s/%d/sources.`, local.Host.Generations.Folder, number)
	}
	return text
}
