package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"
)

// testRun is one test in a lab of its own, and what came of it.
type testRun struct {
	name string
	out  bytes.Buffer // its two outputs, as they came
	code int
	late bool          // it did not begin, since the time was over
	done chan struct{} // closed when it has ended
}

// runTests runs the tests, a number at a time, and prints what they print, in
// order. It returns the exit code of all.
func runTests(names []string, labs int) int {
	ctx, stop := signal.NotifyContext(context.Background(), passed...)
	defer stop()
	var runs []*testRun
	for _, name := range names {
		runs = append(runs, &testRun{name: name, done: make(chan struct{})})
	}
	queue := make(chan *testRun, len(runs))
	for _, t := range runs {
		queue <- t
	}
	close(queue)
	deadline := deadline()
	slots, err := newSlots(labs)
	if err != nil {
		fmt.Printf("lab: cannot share the labs: %v\n", err)
		return 1
	}
	var workers sync.WaitGroup
	for range labs {
		workers.Add(1)
		go func() {
			defer workers.Done()
			work(ctx, stop, queue, slots, deadline)
		}()
	}
	code := printAll(runs)
	workers.Wait()
	if left := notBegun(runs); len(left) > 0 {
		fmt.Printf("lab: %d tests did not begin: the time of all tests (-timeout %s) was over. Run them: -run '^(%s)$'\n",
			len(left), flagValue("test.timeout"), strings.Join(left, "|"))
		code = max(code, 1)
	}
	os.Stdout.WriteString(mark() + lastWord(code))
	return code
}

// work runs what is in the queue until that is empty; after a stop, or when the
// time is over, it only lets it go.
func work(ctx context.Context, stop context.CancelFunc, queue <-chan *testRun, slots slots, deadline time.Time) {
	for t := range queue {
		free, err := slots.take(ctx, deadline)
		if err != nil {
			fmt.Fprintf(&t.out, "lab: %s: no slot: %v\n", t.name, err)
			t.code = 1
			close(t.done)
			continue
		}
		if t.late = ctx.Err() == nil && !deadline.IsZero() && !time.Now().Before(deadline); ctx.Err() == nil && !t.late {
			t.run(deadline)
		}
		free()
		if t.code != 0 && flagValue("test.failfast") == "true" {
			stop()
		}
		close(t.done)
	}
}

// run runs the test to its end. It has the time that one test may take, and no
// more than all tests have.
func (t *testRun) run(deadline time.Time) {
	args := append(os.Args[1:len(os.Args):len(os.Args)], "-test.run=^"+t.name+"$", "-test.testlogfile=", "-test.timeout=0")
	cmd, err := child(args)
	if err == nil {
		turn, _ := strconv.ParseUint(os.Getenv(turnVariable), 10, 64) // 0 where there is none
		cmd.Env = append(cmd.Env, until(ofOne(deadline)), backendsVariable+"="+backendsInTurn(os.Getenv(backendsVariable), t.name, turn))
		cmd.Stdout, cmd.Stderr = &t.out, &t.out
		err = StartDaemon(cmd)
	}
	if err != nil {
		fmt.Fprintf(&t.out, "lab: %s: cannot make the namespaces: %v\n%s", t.name, err, needs)
		t.code = 1
		return
	}
	began := time.Now()
	pass := passSignals(cmd.Process)
	err = cmd.Wait()
	pass()
	if t.code = exitCode(err); t.code > 1 {
		fmt.Fprintf(&t.out, "lab: %s: exit code %d\n", t.name, t.code)
	}
	if err := t.note(cmd.ProcessState, time.Since(began)); err != nil {
		fmt.Fprintf(&t.out, "lab: %s: %v\n", t.name, err)
	}
}

// costsVariable names a file to which each test adds a line: seconds of
// processor, of these in the kernel, of the clock, its name and its exit code.
const costsVariable = "HARDENCTL_LAB_COSTS"

// note writes down what the test has cost, where that is asked for.
func (t *testRun) note(state *os.ProcessState, took time.Duration) error {
	path := os.Getenv(costsVariable)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	kernel := state.SystemTime()
	_, err = fmt.Fprintf(f, "%7.2f %7.2f %7.2f %s %d\n", (state.UserTime() + kernel).Seconds(), kernel.Seconds(), took.Seconds(), t.name, t.code)
	return errors.Join(err, f.Close())
}

// ofOne is when a test must have ended that begins now, or zero.
func ofOne(deadline time.Time) time.Time {
	if end := time.Now().Add(mostOfOne); end.Before(deadline) {
		return end
	}
	return deadline
}

// deadline is when the tests must have ended (-timeout), or zero.
func deadline() time.Time {
	limit, err := time.ParseDuration(flagValue("test.timeout"))
	if err != nil || limit <= 0 {
		return time.Time{}
	}
	return time.Now().Add(limit)
}

// printAll prints each run as soon as those before it have ended, and returns
// the highest exit code.
func printAll(runs []*testRun) int {
	code := 0
	for _, t := range runs {
		<-t.done
		os.Stdout.WriteString(t.words())
		code = max(code, t.code)
	}
	return code
}

// notBegun names the tests for which there was no time.
func notBegun(runs []*testRun) []string {
	var names []string
	for _, t := range runs {
		if t.late {
			names = append(names, t.name)
		}
	}
	return names
}

// lastWord is what a test program ends with.
func lastWord(code int) string {
	if code != 0 {
		return "FAIL\n"
	}
	return "PASS\n"
}

// words are the output of the run without the last word of its process, which
// is said once for all.
func (t *testRun) words() string {
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
