package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// againVariable names a file, and allows that tests that fail run once more:
// labs share the processors, and what waits for a packet can miss it for want
// of them. Alone on the machine, a test has no such excuse. What a test printed
// when it failed at first is added to the file, since `go test` shows nothing of
// a program that passes in the end.
const againVariable = "LAB_AGAIN"

// mostAgain is how many tests run again; where more fail, it is not for want of
// processors.
const mostAgain = 3

// again runs the tests that failed once more, one by one, if that is allowed,
// and returns the highest exit code that is left.
func again(ctx context.Context, failed []*turn, deadline time.Time) int {
	path := os.Getenv(againVariable)
	retry := path != "" && len(failed) <= mostAgain
	runtime.LockOSThread() // as in work
	defer runtime.UnlockOSThread()
	code := 0
	for _, t := range failed {
		if retry && ctx.Err() == nil {
			t = t.again(path, deadline)
		}
		code = max(code, t.code)
	}
	return code
}

// again is the turn after that of a test that failed, which it writes down.
func (t *turn) again(path string, deadline time.Time) *turn {
	if err := addTo(path, t.words()); err != nil {
		fmt.Printf("lab: %s does not run again: %v\n", t.name, err)
		return t
	}
	fmt.Printf("lab: %s failed beside others, and runs again alone\n", t.name)
	second := &turn{name: t.name}
	second.run(deadline)
	os.Stdout.WriteString(second.words())
	return second
}

// addTo adds text to the end of a file.
func addTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.TrimPrefix(text, mark()))
	return errors.Join(err, f.Close())
}
