package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"time"
)

// turn is one test in a lab of its own, and what came of it.
type turn struct {
	name string
	out  bytes.Buffer // its two outputs, as they came
	code int
	done chan struct{} // closed when it has ended
}

// takeTurns runs the tests, a number at a time, and prints what they print, in
// order. It returns the exit code of all.
func takeTurns(names []string, labs int) int {
	ctx, stop := signal.NotifyContext(context.Background(), passed...)
	defer stop()
	var turns []*turn
	for _, name := range names {
		turns = append(turns, &turn{name: name, done: make(chan struct{})})
	}
	queue := make(chan *turn, len(turns))
	for _, t := range turns {
		queue <- t
	}
	close(queue)
	deadline := deadline()
	var workers sync.WaitGroup
	for range labs {
		workers.Add(1)
		go func() {
			defer workers.Done()
			work(ctx, stop, queue, deadline)
		}()
	}
	failed := printAll(turns)
	workers.Wait()
	code := again(ctx, failed, deadline)
	os.Stdout.WriteString(mark() + lastWord(code))
	return code
}

// work runs what is in the queue until that is empty; after a stop, it only
// lets it go.
func work(ctx context.Context, stop context.CancelFunc, queue <-chan *turn, deadline time.Time) {
	// The kernel sends Pdeathsig when the thread that started the child ends.
	runtime.LockOSThread()
	for t := range queue {
		if ctx.Err() == nil {
			t.run(deadline)
		}
		if t.code != 0 && flagValue("test.failfast") == "true" {
			stop()
		}
		close(t.done)
	}
}

// run runs the test to its end. The time that all tests have is that of the one
// as well.
func (t *turn) run(deadline time.Time) {
	args := append(os.Args[1:len(os.Args):len(os.Args)], "-test.run=^"+t.name+"$", "-test.testlogfile=")
	if !deadline.IsZero() {
		args = append(args, fmt.Sprintf("-test.timeout=%v", max(time.Until(deadline), time.Millisecond)))
	}
	cmd, err := child(args)
	if err == nil {
		cmd.Stdout, cmd.Stderr = &t.out, &t.out
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintf(&t.out, "lab: %s: cannot make the namespaces: %v\n%s", t.name, err, needs)
		t.code = 1
		return
	}
	pass := passSignals(cmd.Process)
	err = cmd.Wait()
	pass()
	if t.code = exitCode(err); t.code > 1 {
		fmt.Fprintf(&t.out, "lab: %s: exit code %d\n", t.name, t.code)
	}
}

// deadline is when the tests must have ended (-timeout), or zero.
func deadline() time.Time {
	limit, err := time.ParseDuration(flagValue("test.timeout"))
	if err != nil || limit <= 0 {
		return time.Time{}
	}
	return time.Now().Add(limit)
}

// printAll prints each turn as soon as those before it have ended, and returns
// those that failed.
func printAll(turns []*turn) []*turn {
	var failed []*turn
	for _, t := range turns {
		<-t.done
		os.Stdout.WriteString(t.words())
		if t.code != 0 {
			failed = append(failed, t)
		}
	}
	return failed
}

// lastWord is what a test program ends with.
func lastWord(code int) string {
	if code != 0 {
		return "FAIL\n"
	}
	return "PASS\n"
}

// words are the output of the turn without the last word of its process, which
// is said once for all.
func (t *turn) words() string {
	text := t.out.String()
	for _, last := range []string{"PASS\n", "FAIL\n"} {
		if before, found := strings.CutSuffix(text, mark()+last); found && (before == "" || strings.HasSuffix(before, "\n")) {
			return before
		}
	}
	return text
}

// mark is what testing puts in front of its own lines for -json.
func mark() string {
	if flagValue("test.v") == "test2json" {
		return "\x16"
	}
	return ""
}
