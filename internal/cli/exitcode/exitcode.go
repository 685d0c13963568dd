// Package exitcode is the one table of hardenctl's exit codes. The commands end
// with its numbers; their help, the man pages and the docs print its text.
package exitcode

import (
	"fmt"
	"slices"
	"strings"
)

// Exit codes. Codes 0 to 2 of plan are Terraform's.
const (
	OK         = 0
	Error      = 1
	Changes    = 2
	Reverted   = 3
	Incomplete = 4
	Unwritten  = 5
	Busy       = 6
)

// Row is what one exit code means.
type Row struct {
	Code int
	// Commands are the names of the commands that end with the code and mean this
	// by it. It is empty in the general meaning, which every command shares that
	// does not say it more exactly.
	Commands []string
	Meaning  string
}

// Table has all codes, in order; of each code first the general meaning.
var Table = []Row{
	{OK, nil, "success; warnings do not change the exit code"},
	{OK, []string{"check"}, "the profile has no errors; with --strict: and no warnings"},
	{OK, []string{"compile"}, "the bundle was written; with --check: the bundle in DIR is equal"},
	{OK, []string{"plan"}, "the plan was made; with --detailed-exitcode: no changes"},
	{OK, []string{"apply", "rollback"}, "the host matches the plan, permanently or on trial; a warning may list what could not be cleaned up"},
	{OK, []string{"confirm"}, "the new state is live and saved"},
	{OK, []string{"revert"}, "no trial is pending any more"},
	{OK, []string{"restore"}, "the host matches the saved files, or nothing was ever applied"},
	{OK, []string{"verify"}, "every promise was kept"},
	{OK, []string{"knock"}, "every knock was sent; the host does not answer knocks"},
	{OK, []string{"history", "profiles", "reach", "import"}, "success"},
	{OK, []string{"diff"}, "no packet is decided differently"},
	{OK, []string{"explain"}, "the packet was explained, whatever its verdict is"},

	{Error, nil, "error; apply, confirm, rollback and plan have changed nothing"},
	{Error, []string{"check"}, "the profile has errors; with --strict: or warnings"},
	{Error, []string{"compile"}, "error; with --check: the bundle in DIR differs"},
	{Error, []string{"apply", "rollback", "confirm", "plan"}, "error; nothing was changed"},
	{Error, []string{"revert"}, "error; the trial could not be ended now"},
	{Error, []string{"restore"}, "an IP family was closed, or a part could not be loaded or compared"},
	{Error, []string{"verify"}, "a promise was broken, or the attack could not run"},
	{Error, []string{"knock"}, "not every knock was sent"},
	{Error, []string{"history", "profiles", "explain", "diff", "reach", "import"}, "error"},

	{Changes, nil, "diff: packets are decided differently; plan --detailed-exitcode: there are changes, or another firewall is active"},
	{Changes, []string{"diff"}, "packets are decided differently"},
	{Changes, []string{"plan"}, "only with --detailed-exitcode: there are changes, or another firewall is active"},

	{Reverted, nil, "the change failed or was not confirmed; all of it was undone"},
	{Reverted, []string{"apply", "rollback"}, "the change failed, or was not confirmed while apply counted down; all of it was undone"},
	{Reverted, []string{"confirm"}, "the confirm failed; the host is as it was before the apply"},

	{Incomplete, nil, "this or an earlier apply is incomplete: the host may be between the old and the new state"},
	{Incomplete, []string{"apply", "rollback"}, "the change failed and could not be undone, or this or an earlier apply is incomplete: check the host"},
	{Incomplete, []string{"confirm"}, "the confirm failed and could not be undone, or an earlier apply is incomplete: check the host"},
	{Incomplete, []string{"revert"}, "an apply is incomplete: it was confirmed but could not be completed, or its journal cannot be read"},

	{Unwritten, nil, "the change was made, but the output could not be written"},
	{Unwritten, []string{"apply", "rollback", "confirm", "revert", "restore"}, "the change was made, but the output could not be written"},
	{Unwritten, []string{"compile"}, "the bundle was written, but the output could not be"},
	{Unwritten, []string{"knock"}, "every knock was sent, but the output could not be written"},

	{Busy, nil, "nothing was changed: another program held a lock, or a trial was pending, for too long; try again"},
	{Busy, []string{"apply", "rollback", "restore"}, "nothing was changed: another program held a lock, or a trial was pending, for too long; try again"},
	{Busy, []string{"confirm", "revert"}, "nothing was changed: another program held a lock for too long; the trial continues; try again"},
}

// General returns the general meaning of each code.
func General() []Row { return rows(func(r Row) bool { return len(r.Commands) == 0 }) }

// Of returns the codes with which the command of this name ends; nil for a name
// that the table does not have, such as those of cobra's own commands.
func Of(command string) []Row {
	return rows(func(r Row) bool { return slices.Contains(r.Commands, command) })
}

func rows(wanted func(Row) bool) (found []Row) {
	for _, r := range Table {
		if wanted(r) {
			found = append(found, r)
		}
	}
	return found
}

// width is that of a line of help.
const width = 80

// Text returns rows as lines of help, "" for none.
func Text(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		line := fmt.Sprintf("  %d ", r.Code)
		for word := range strings.FieldsSeq(r.Meaning) {
			if len(line)+1+len(word) > width {
				b.WriteString(line + "\n")
				line = "    "
			}
			line += " " + word
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
