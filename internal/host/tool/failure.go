package tool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxQuote is the most bytes of an input line that an Error quotes.
const maxQuote = 300

// Error says that a tool failed, was killed, or could not be run.
type Error struct {
	Tool string
	Args []string
	// ExitCode is what the tool ended with, or -1 if it did not end by itself.
	ExitCode int
	// Words is what it said on standard error, trimmed and printable.
	Words string
	// Line is the number of the input line that the words name, counted from
	// 1; 0 if they name none. A tool names the line at which it noticed: where
	// the kernel refuses a whole table that is its COMMIT, and where an end is
	// missing it is past the last line.
	Line int
	// Text is that line, shortened if it is long; empty if there is none.
	Text string
	// Err is what went wrong beneath: a context's error, an *exec.ExitError.
	Err error
}

// Error says in one line which tool failed, how, in which words, and at which
// line of its input.
func (e *Error) Error() string {
	message := strings.Join(append([]string{e.Tool}, e.Args...), " ") + ": " + e.ending()
	if e.Words != "" {
		message += ": " + strings.ReplaceAll(e.Words, "\n", "; ")
	}
	if e.Text != "" {
		message += fmt.Sprintf(" (input line %d: %s)", e.Line, e.Text)
	}
	return message
}

// Unwrap returns what went wrong beneath.
func (e *Error) Unwrap() error { return e.Err }

// ErrLocked is what an *Error is of a tool that gave up to wait for the lock of
// xtables: another program holds it.
var ErrLocked = errors.New("another program holds the xtables lock")

// Is makes errors.Is(err, ErrLocked) true. The exit code, 4, has other meanings
// too (iptables 1.8.9, RESOURCE_PROBLEM).
func (e *Error) Is(target error) bool {
	return target == ErrLocked && e.ExitCode == 4 && strings.Contains(e.Words, "holding the xtables lock")
}

func (e *Error) ending() string {
	var exit *exec.ExitError
	if e.ExitCode >= 0 && errors.As(e.Err, &exit) {
		return fmt.Sprintf("exit code %d", e.ExitCode)
	}
	return e.Err.Error()
}

// timeoutError says that a tool took too long.
type timeoutError struct{ after time.Duration }

// Error says how long the tool had.
func (e *timeoutError) Error() string {
	return fmt.Sprintf("did not finish within %s and was killed", e.after)
}

// Is makes errors.Is(err, context.DeadlineExceeded) true.
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// failure makes an Error of what a run ended with.
func (c Command) failure(ctx context.Context, cmd *exec.Cmd, err error, words string) *Error {
	e := &Error{Tool: c.Name, Args: c.Args, ExitCode: -1, Words: words, Err: err}
	if cmd.ProcessState != nil {
		e.ExitCode = cmd.ProcessState.ExitCode()
	}
	if ctx.Err() != nil && e.ExitCode < 0 {
		e.Err = context.Cause(ctx)
	}
	if e.Line = cmp.Or(namedLine(words), unnamedLine(words, c.Stdin)); e.Line > 0 {
		e.Text = lineOf(c.Stdin, e.Line)
	}
	return e
}

// lineWords are the ways in which restore tools name a line of their input:
// "line 12 failed" and "Error occurred at line: 12" (iptables), "line 3:
// RULE_APPEND failed" (its nft variant), "Error in line 2:" (ipset).
var lineWords = regexp.MustCompile(`\bline:? ([0-9]{1,9})\b`)

// namedLine returns the first line number that the words name, or 0.
func namedLine(words string) int {
	found := lineWords.FindStringSubmatch(words)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// noCommand is what ipset says, without a number, of a line that begins with no
// command of it.
var noCommand = regexp.MustCompile(`No command specified: unknown argument (\S+)`)

// unnamedLine returns the number of the input line that the words are about
// without naming it, or 0.
func unnamedLine(words string, input []byte) int {
	found := noCommand.FindStringSubmatch(words)
	if found == nil {
		return 0
	}
	n := 0
	for line := range bytes.Lines(input) {
		n++
		if first := bytes.Fields(line); len(first) > 0 && clean(first[0]) == found[1] {
			return n
		}
	}
	return 0
}

// Renumber makes the error one about line n, for an input that has that line
// from a file where it is the n-th.
func (e *Error) Renumber(n int) {
	if at := lineWords.FindStringSubmatchIndex(e.Words); at != nil {
		e.Words = e.Words[:at[2]] + strconv.Itoa(n) + e.Words[at[3]:]
	}
	e.Line = n
}

// lineOf returns line n of the input, shortened and printable; empty if the
// input has no such line.
func lineOf(input []byte, n int) string {
	for ; n > 1; n-- {
		_, after, found := bytes.Cut(input, []byte("\n"))
		if !found {
			return ""
		}
		input = after
	}
	line, _, _ := bytes.Cut(input, []byte("\n"))
	if len(line) > maxQuote {
		return clean(line[:maxQuote]) + "…"
	}
	return clean(line)
}

// clean trims text, takes empty lines out of it and replaces what a terminal
// would act on: a tool's words can quote what others wrote.
func clean(text []byte) string {
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(strings.Map(printable, line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func printable(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return ' '
	case unicode.IsPrint(r):
		return r
	}
	return '·'
}
