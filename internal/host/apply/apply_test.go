package apply

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// log records what the steps of a test do.
type log struct{ lines []string }

func (l *log) step(name string, do, undo error) step {
	say := func(word string, err error) func(context.Context) error {
		return func(ctx context.Context) error {
			l.lines = append(l.lines, word+" "+name)
			return errors.Join(err, ctx.Err())
		}
	}
	return step{name: name, do: say("do", do), undo: say("undo", undo), finish: say("finish", nil)}
}

// silent is a site that reports nothing.
var silent = Site{Progress: func(string) {}}

var errTest = errors.New("broken")

// Steps run in order. The one that fails is undone too, and all before it,
// last first.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name          string
		doB           error
		undoA, undoB  error
		log, contains string
		undone        bool
	}{
		{"all goes well", nil, nil, nil, "do A, do B, do C, finish A, finish B, finish C", "", false},
		{"one fails", errTest, nil, nil, "do A, do B, undo B, undo A", "B: broken; the change was undone, the host is as before", true},
		{"going back fails too, and goes on", errTest, nil, errors.New("stuck"), "do A, do B, undo B, undo A", "B: broken; undoing failed too: B: stuck", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l log
			err := silent.run(context.Background(), []step{l.step("A", nil, c.undoA), l.step("B", c.doB, c.undoB), l.step("C", nil, nil)})
			if got := strings.Join(l.lines, ", "); got != c.log {
				t.Errorf("did %s, want %s", got, c.log)
			}
			if c.contains == "" && err != nil || c.contains != "" && (err == nil || err.Error() != c.contains) {
				t.Errorf("error %v, want %q", err, c.contains)
			}
			var reverted *RevertedError
			if errors.As(err, &reverted) != (c.doB != nil) || reverted != nil && (reverted.Undo == nil) != c.undone {
				t.Errorf("error %#v", err)
			}
			if c.doB != nil && !errors.Is(err, errTest) {
				t.Error("the cause is lost")
			}
		})
	}
}

// A signal between two steps undoes the first, and neither the step that
// runs nor the way back is cut off by it.
func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var l log
	first := l.step("A", nil, nil)
	do := first.do
	first.do = func(ctx context.Context) error { cancel(); return do(ctx) }
	err := silent.run(ctx, []step{first, l.step("B", nil, nil)})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "was undone") {
		t.Errorf("error %v", err)
	}
	if want := []string{"do A", "undo B", "undo A"}; !slices.Equal(l.lines, want) {
		t.Errorf("did %q, want %q", l.lines, want)
	}
}

// What cannot be cleared up keeps nothing else from being, and is not a failure of
// the apply.
func TestRunUntidy(t *testing.T) {
	var l log
	a, b := l.step("A", nil, nil), l.step("B", nil, nil)
	finish := a.finish
	a.finish = func(ctx context.Context) error { return errors.Join(finish(ctx), errTest) }
	err := silent.run(context.Background(), []step{a, b})
	var untidy *UntidyError
	if !errors.As(err, &untidy) || !errors.Is(err, errTest) || !strings.Contains(err.Error(), "live and saved") {
		t.Errorf("error %v", err)
	}
	if want := []string{"do A", "do B", "finish A", "finish B"}; !slices.Equal(l.lines, want) {
		t.Errorf("did %q, want %q", l.lines, want)
	}
}
