// Package manpage writes the manual pages of hardenctl from its commands, their
// flags and the table of exit codes. Only tests import it: the generator and what it
// needs are not part of the program.
package manpage

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
)

// File is a file or folder that commands use.
type File struct {
	Path, Purpose string
	// Commands are the names of those that use it; empty for all.
	Commands []string
}

// Name returns the name of a command's page, such as "hardenctl-apply.8".
func Name(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".8"
}

// Of returns the page of a command in roff. Equal commands give equal bytes: there is
// no date in it.
func Of(cmd *cobra.Command, files []File) ([]byte, error) {
	cmd.DisableAutoGenTag = true
	cmd.InitDefaultVersionFlag()
	cmd.Long = indented.ReplaceAllString(cmd.Long, "    $1")
	var b bytes.Buffer
	header := &doc.GenManHeader{Section: "8", Date: &time.Time{}, Source: "hardenctl", Manual: "hardenctl"}
	if err := doc.GenMan(cmd, header, &b); err != nil {
		return nil, err
	}
	head, examples, found := strings.Cut(b.String(), ".SH EXAMPLE\n")
	if !found {
		return nil, fmt.Errorf("%s has no example", cmd.CommandPath())
	}
	head = options(strings.Replace(head, `"Jan 0001"`, `""`, 1), cmd)
	if !cmd.HasParent() {
		head = strings.Replace(head, "hardenctl [flags]", "hardenctl COMMAND [ARGUMENT...]", 1)
		head = strings.Replace(head, ".SH OPTIONS", section("COMMANDS", below(cmd))+".SH OPTIONS", 1)
	}
	page := head + section("EXIT STATUS", codes(cmd)) + section("FILES", used(cmd, files)) + ".SH EXAMPLES\n" + examples
	return []byte(seeAlso(page)), nil
}

var (
	// indented is a line of a block, which Markdown wants further in than help does.
	indented = regexp.MustCompile(`(?m)^  (\S)`)
	// option is one of the options as the generator writes it.
	option = regexp.MustCompile(`(?m)^(?:\.PP\n)?((?:\\fB-\w\\fP, )?\\fB--([a-z0-9-]+)\\fP).*\n\t(.*)$`)
)

// options writes flags as --help does: the kind of the value, and the default behind
// the text. The generator writes the default in the place of the value.
func options(page string, cmd *cobra.Command) string {
	return option.ReplaceAllStringFunc(page, func(line string) string {
		m := option.FindStringSubmatch(line)
		f := cmd.Flags().Lookup(m[2])
		if f == nil {
			return line
		}
		kind, _ := pflag.UnquoteUsage(f)
		if kind != "" {
			kind = "=" + kind
		}
		if d := f.DefValue; d != "" && d != "[]" && d != "false" && d != "0" {
			m[3] += " (default " + escape(d) + ")"
		}
		return ".TP\n" + m[1] + kind + "\n" + m[3]
	})
}

// term is one entry of a list: what is said, and what it means.
type term struct{ word, meaning string }

// below lists the commands of hardenctl.
func below(root *cobra.Command) (terms []term) {
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			terms = append(terms, term{cmd.Name(), cmd.Short})
		}
	}
	return terms
}

// codes are the exit codes of a command; of hardenctl itself the general ones.
func codes(cmd *cobra.Command) (terms []term) {
	rows := exitcode.Of(cmd.Name())
	if !cmd.HasParent() {
		rows = exitcode.General()
	}
	for _, r := range rows {
		terms = append(terms, term{fmt.Sprint(r.Code), r.Meaning})
	}
	return terms
}

// used are the files of a command.
func used(cmd *cobra.Command, files []File) (terms []term) {
	for _, f := range files {
		if !cmd.HasParent() || len(f.Commands) == 0 || strings.Contains(" "+strings.Join(f.Commands, " ")+" ", " "+cmd.Name()+" ") {
			terms = append(terms, term{f.Path, f.Purpose})
		}
	}
	return terms
}

// section is a list of terms under a title; "" for none.
func section(title string, terms []term) string {
	if terms == nil {
		return ""
	}
	text := ".SH " + title + "\n"
	for _, t := range terms {
		text += ".TP\n\\fB" + escape(t.word) + "\\fP\n" + escape(t.meaning) + "\n"
	}
	return text + "\n"
}

// seeAlso adds the pages that belong to every command.
func seeAlso(page string) string {
	const more = "\\fBhardenctl.toml(5)\\fP, \\fBiptables(8)\\fP, \\fBipset(8)\\fP, \\fBsysctl.d(5)\\fP"
	return strings.TrimRight(page, "\n") + ",\n" + more + "\n"
}

// escape writes a text so that roff prints it as it is.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

var (
	link    = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
	comment = regexp.MustCompile(`(?m)^<!--.*-->\n`)
	row     = regexp.MustCompile(`(?m)^\|(.*)\|\n`)
)

// OfProfile returns hardenctl.toml(5), from the page of the docs that lists the keys.
// The tables of that page become lists, since a terminal is too narrow for them.
func OfProfile(reference string) []byte {
	_, text, _ := strings.Cut(reference, "\n- ") // what comes before is about the page
	text = comment.ReplaceAllString(link.ReplaceAllString("- "+text, "$1"), "")
	text = strings.ReplaceAll(text, "An empty cell means", "Without one it means")
	text = row.ReplaceAllStringFunc(text, entry)
	page := "% \"HARDENCTL.TOML\" \"5\" \"\" \"hardenctl\" \"hardenctl\"\n# NAME\nhardenctl.toml \\- the profile of a host\n\n" +
		"# DESCRIPTION\nA profile is a TOML file that says what a host should be. It has the tables and keys below.\n\n" +
		strings.TrimSpace(text) + "\n\n# SEE ALSO\n**hardenctl(8)**, **hardenctl-check(8)**, **hardenctl-profiles(8)**\n"
	return md2man.Render([]byte(page))
}

// entry writes a row of the reference's tables as an entry of a list.
func entry(line string) string {
	cells := strings.Split(strings.Trim(line, "|\n "), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if cells[0] == "key" || strings.HasPrefix(cells[0], "---") || len(cells) != 5 {
		return ""
	}
	text := cells[4] + " Value: " + cells[1] + "."
	if cells[2] != "" {
		text += " Default: " + cells[2] + "."
	}
	if cells[3] != "" {
		text += " In builtin:base: " + cells[3] + "."
	}
	return "**" + strings.Trim(cells[0], "`") + "**\n: " + text + "\n\n"
}
