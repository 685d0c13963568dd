package lab

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// untilVariable tells a process in a lab when its time is over, in nanoseconds
// since 1970.
const untilVariable = "HARDENCTL_LAB_UNTIL"

// mostOfOne is how long one test may take. The longest takes a tenth of it on two
// quiet processors.
const mostOfOne = 15 * time.Minute

// until is the environment of a process whose time is over at a moment; none is
// over at the zero Time.
func until(end time.Time) string {
	if end.IsZero() {
		return untilVariable + "="
	}
	return fmt.Sprintf("%s=%d", untilVariable, end.UnixNano())
}

// watchTime ends this process when its time is over. One line says then which
// test ran, what it waited for, and how to run it alone. The alarm of testing
// prints the stacks of all goroutines instead, thousands of lines.
func watchTime() {
	nanoseconds, err := strconv.ParseInt(os.Getenv(untilVariable), 10, 64)
	if err != nil {
		return
	}
	began := time.Now()
	time.AfterFunc(time.Until(time.Unix(0, nanoseconds)), func() {
		stacks := make([]byte, 4<<20)
		where := stuckAt(string(stacks[:runtime.Stack(stacks, true)]))
		fmt.Printf("\nlab: out of time after %s: %s\n", time.Since(began).Round(time.Second), where.line(awaited.String()))
		os.Exit(1)
	})
}

// stuck is a test that has not ended.
type stuck struct {
	folder, test string // of the test, such as "test/live" and "TestPlan"
	at           string // the line of a test file, such as "trial/trial_test.go:12"
}

// line is what a person reads of the test and of what it waits for.
func (s stuck) line(awaits string) string {
	text := s.test + " had not ended"
	if awaits != "" {
		text += "; it waited for: " + awaits
	}
	if s.at != "" {
		text += " (" + s.at + ")"
	}
	return fmt.Sprintf("%s. Run it alone: go test ./%s -run '^%s$' -count=1", text, s.folder, s.test)
}

var (
	// testFrame is the frame of a test or of a function inside it.
	testFrame = regexp.MustCompile(`(?m)^github\.com/hardenctl/hardenctl/([\w/]+)\.(Test\w*)[.(]`)
	// lineFrame is where a function of a test file is.
	lineFrame = regexp.MustCompile(`(?m)^\t(\S+_test\.go:\d+)`)
)

// stuckAt reads from the stacks of all goroutines which test runs, and where.
func stuckAt(stacks string) (s stuck) {
	for goroutine := range strings.SplitSeq(stacks, "\n\n") {
		if !strings.Contains(goroutine, "testing.tRunner(") {
			continue
		}
		m := testFrame.FindStringSubmatch(goroutine)
		if m != nil && m[2] == "TestMain" {
			continue
		}
		if m != nil && s.test == "" {
			s.folder, s.test = m[1], m[2]
		}
		waitsForPart := strings.Contains(goroutine, "testing.(*T).Run(")
		if m := lineFrame.FindStringSubmatch(goroutine); m != nil && s.at == "" && !waitsForPart {
			s.at = path.Join(filepath.Base(filepath.Dir(m[1])), filepath.Base(m[1]))
		}
	}
	return s
}

// alarmMargin is the time that is left for the line before the alarm of testing.
const alarmMargin = 2 * time.Second

// beforeAlarm is shortly before the alarm that `go test -timeout` asks testing
// for, or zero. It reads the arguments themselves: flags may not be parsed yet.
func beforeAlarm() time.Time {
	for _, argument := range os.Args[1:] {
		if text, found := strings.CutPrefix(argument, "-test.timeout="); found {
			if limit, err := time.ParseDuration(text); err == nil && limit > alarmMargin {
				return time.Now().Add(limit - alarmMargin)
			}
		}
	}
	return time.Time{}
}
