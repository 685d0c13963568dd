package option

import (
	"errors"
	"regexp"
	"strings"
)

// What cobra says of a command line that cannot be right, in words of its own code.
var (
	noneOf  = regexp.MustCompile(`^at least one of the flags in the group \[(.+)\] is required$`)
	allOf   = regexp.MustCompile(`none of the others can be; \[(.+)\] were all set$`)
	tooMany = regexp.MustCompile(`^accepts (at most )?([0-9]+) arg\(s\), received ([0-9]+)$`)
)

// Explain says the same in words of a user.
func Explain(err error) error {
	text := err.Error()
	if m := noneOf.FindStringSubmatch(text); m != nil {
		return errors.New("missing flag: add " + flags(m[1], " or "))
	}
	if m := allOf.FindStringSubmatch(text); m != nil {
		return errors.New(flags(m[1], " and ") + " cannot be used together: remove one")
	}
	if m := tooMany.FindStringSubmatch(text); m != nil {
		return errors.New("expected " + m[1] + m[2] + " argument(s), got " + m[3] + "; --help shows the usage")
	}
	return err
}

// flags joins the names of flags, as people type them.
func flags(names, with string) string {
	return "--" + strings.Join(strings.Fields(names), with+"--")
}
