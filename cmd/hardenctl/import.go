package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/starter"
	"github.com/hardenctl/hardenctl/internal/cli/outfile"
	"github.com/hardenctl/hardenctl/internal/cli/subject"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/profiles"
)

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import (FILE... | --live)",
		Short: "Write a starter profile from the rules of another firewall",
		Long: `Read what iptables-save and ip6tables-save printed on a host, or the files of csf, ufw
or firewalld, and write a profile that lets in what these rules let in: services, the
sources that they are for, and the interfaces. Each service names the lines that it
comes from. The profile is a beginning: read it, and complete it.

Then import lists each line that it did not carry over, with the reason, and what the
old rules accept and the profile does not, by comparing every packet. import changes
nothing on this host. It needs no root and no firewall tools but for --live, which reads
the rules of this host.`,
		Example: `  hardenctl import rules.v4 rules.v6 -o web.toml
  hardenctl import rules.v4 --sets ipsets >web.toml  # the lists go to standard error
  hardenctl import --live -o web.toml  # as root, of this host
  hardenctl import rules.v4 --json
  hardenctl import /etc/csf/csf.conf /etc/csf/csf.allow /etc/csf/csf.deny -o web.toml
  hardenctl import /etc/ufw/user.rules /etc/ufw/user6.rules -o web.toml
  hardenctl import /etc/firewalld/zones/*.xml -o web.toml`,
	}
	live := cmd.Flags().Bool("live", false, "read the rules that this host has now; needs root")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if *live {
			return cobra.NoArgs(cmd, args)
		}
		return cobra.MinimumNArgs(1)(cmd, args)
	}
	sets := cmd.Flags().String("sets", "", "file with the output of ipset save")
	out := cmd.Flags().StringP("output", "o", "", "file to write the profile to; default: standard output")
	asJSON := cmd.Flags().Bool("json", false, "print the profile and the lists as JSON")
	cmd.MarkFlagsMutuallyExclusive("live", "sets")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := newFile(*out); err != nil {
			return err
		}
		s, old, err := opening(cmd, args, *sets, *live)
		if err != nil {
			return err
		}
		v, err := imported(s, old)
		if err != nil {
			return err
		}
		return v.write(cmd, *out, *asJSON)
	}
	return cmd
}

// newFile returns an error if --output cannot name a file that is written anew.
func newFile(out string) error {
	if out == "" {
		return nil
	}
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("--output %s: this file exists; name another, import overwrites nothing", out)
	}
	return outfile.Writable("output", out)
}

// write writes the profile to a file or to standard output, and says beside it what a person
// has to look at.
func (v importView) write(cmd *cobra.Command, out string, asJSON bool) error {
	if out != "" {
		if err := durable.WriteOut(out, []byte(v.Profile), 0o644); err != nil {
			return err
		}
	}
	switch {
	case asJSON:
		return terminal.JSON(cmd.OutOrStdout(), v)
	case out != "":
		return v.print(cmd.OutOrStdout())
	}
	if err := write(cmd.OutOrStdout(), v.Profile); err != nil {
		return err
	}
	return v.print(cmd.ErrOrStderr())
}

// opening reads the rules of this host, or the files that are named.
func opening(cmd *cobra.Command, args []string, sets string, live bool) (*answer.Subject, starter.Old, error) {
	if live {
		return subject.OldLive(cmd)
	}
	return subject.Old(args, sets)
}

// importView is the JSON form of what was imported.
type importView struct {
	Profile string `json:"profile"`
	// Left are the lines that the profile does not carry over.
	Left []starter.Left `json:"left"`
	// Errors are what is wrong with the profile as it is; the rest is not compared then.
	Errors []string `json:"errors"`
	// Lost is what the old rules accept and the profile does not.
	Lost []answer.DifferenceView `json:"lost"`
	// More says that more than Lost is lost.
	More bool `json:"more"`
}

// imported makes the profile, and compares it with the rules that it comes from.
func imported(before *answer.Subject, old starter.Old) (importView, error) {
	made, err := starter.Make(old)
	if err != nil {
		return importView{}, err
	}
	v := importView{Profile: string(made.Profile), Left: append([]starter.Left{}, made.Left...), Errors: []string{}, Lost: []answer.DifferenceView{}}
	b, diags := compiler.Compile(starterName, oneFile{profile.Folders{Builtins: profiles.FS()}, made.Profile})
	for _, d := range diags {
		if d.Severity == diag.Error {
			v.Errors = append(v.Errors, fmt.Sprintf("line %d: %s: %s", d.Position.Line, d.Subject, d.Message))
		}
	}
	if b == nil {
		return v, nil
	}
	after, err := answer.Of("the profile", b, nil)
	if err == nil {
		var all *answer.DiffView
		if all, err = answer.Diff(before, after); err == nil {
			v.lose(all)
		}
	}
	if err != nil {
		v.Errors = append(v.Errors, err.Error())
	}
	return v, nil
}

// lose notes what new connections to the host lose.
func (v *importView) lose(all *answer.DiffView) {
	v.More = all.More
	for _, d := range all.Differences {
		if d.Hook == string(exact.Input) && d.Change == string(exact.NoLonger) && d.First && d.Usual {
			v.Lost = append(v.Lost, d)
		}
	}
}

// starterName is what a profile is called that has no file yet.
const starterName = "profile.toml"

// oneFile is a profile in memory, with the built-in ones.
type oneFile struct {
	profile.Folders
	text []byte
}

// Profile implements profile.Files.
func (f oneFile) Profile(name string) ([]byte, error) {
	if name == starterName {
		return f.text, nil
	}
	return f.Folders.Profile(name)
}

// print says what a person has to look at.
func (v importView) print(w io.Writer) error {
	var b strings.Builder
	v.printLeft(&b)
	for _, e := range v.Errors {
		fmt.Fprintf(&b, "The profile is not complete: %s\n", e)
	}
	if len(v.Errors) > 0 {
		b.WriteString("Complete it, then compare it with the old rules: hardenctl diff RULES PROFILE\n")
		return write(w, b.String())
	}
	if len(v.Lost) == 0 {
		b.WriteString("The profile accepts every new connection that the old rules accept.\n")
		return write(w, b.String())
	}
	b.WriteString("What the old rules accept and the profile does not:\n")
	lost := answer.DiffView{Differences: v.Lost, More: v.More}
	for _, line := range lost.Full() {
		b.WriteString(line + "\n")
	}
	return write(w, b.String())
}

// printLeft lists what is not carried over, by the reasons, in the order of the lines.
func (v importView) printLeft(b *strings.Builder) {
	if len(v.Left) == 0 {
		b.WriteString("Every rule is carried over, or needs no line in a profile.\n")
		return
	}
	b.WriteString("Not carried over:\n")
	var whys []string
	for _, l := range v.Left {
		if !slices.Contains(whys, l.Why) {
			whys = append(whys, l.Why)
		}
	}
	for _, why := range whys {
		fmt.Fprintf(b, "  %s\n", why)
		for _, l := range v.Left {
			if l.Why == why {
				fmt.Fprintf(b, "    %s:%d: %s\n", l.File, l.Line, l.Rule)
			}
		}
	}
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
