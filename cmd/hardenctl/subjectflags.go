package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/subject"
)

// subjectFlags name the rules that a question is about, where they are not a profile's.
type subjectFlags struct {
	rules, sets *string
	live        *bool
}

func newSubjectFlags(cmd *cobra.Command) *subjectFlags {
	return &subjectFlags{
		rules: cmd.Flags().String("rules", "", "file with the output of iptables-save, instead of PROFILE"),
		sets:  cmd.Flags().String("sets", "", "file with the output of ipset save, for --rules"),
		live:  cmd.Flags().Bool("live", false, "the rules and sets of this host as they are, instead of PROFILE (needs root)"),
	}
}

// open opens what the flags name, or compiles the profile. A family of 0 is told by the
// text of a dump.
func (f *subjectFlags) open(cmd *cobra.Command, profile []string, family ruleset.Family, compiled func() (*answer.Subject, error)) (*answer.Subject, error) {
	for _, flag := range []string{"rules", "sets"} {
		if err := option.RefuseEmpty(cmd, flag); err != nil {
			return nil, err
		}
	}
	switch {
	case *f.live && len(profile) > 0:
		return nil, errors.New("--live and PROFILE cannot be used together: remove one")
	case *f.live && (*f.rules != "" || *f.sets != ""):
		return nil, errors.New("--live reads the rules and sets of this host: remove --live, or --rules and --sets")
	case *f.rules != "" && len(profile) > 0:
		return nil, errors.New("--rules and PROFILE cannot be used together: remove one")
	case *f.rules == "" && *f.sets != "":
		return nil, errors.New("--sets is for --rules; a profile has its own sets")
	case *f.live:
		return subject.Live(cmd)
	case *f.rules != "":
		return subject.Dump(*f.rules, *f.sets, family)
	}
	return compiled()
}
