package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sharing is set for processes that share out the tests below; its value is a
// folder that all labs see.
const sharing = "LAB_SHARING"

// TestTurn1 ends only after TestTurn2 has, whose output must wait for it.
func TestTurn1(t *testing.T) {
	folder := os.Getenv(sharing)
	if folder == "" {
		return // it is a part of TestShare
	}
	must(t, os.WriteFile(filepath.Join(folder, "first"), []byte(readNote(t)), 0o644))
	awaitFile(t, filepath.Join(folder, "second"))
	fmt.Println("the first speaks")
}

func TestTurn2(t *testing.T) {
	folder := os.Getenv(sharing)
	if folder == "" {
		return
	}
	fmt.Println("the second speaks")
	if theirs := awaitFile(t, filepath.Join(folder, "first")); Inside() != nil || theirs == readNote(t) {
		t.Errorf("both tests run in the lab %s", theirs)
	}
	must(t, os.WriteFile(filepath.Join(folder, "second"), []byte("done"), 0o644))
}

// TestTurn3 comes to the end that is asked for.
func TestTurn3(t *testing.T) {
	switch os.Getenv("LAB_RUN") {
	case "fail":
		t.Run("part", func(t *testing.T) { t.Error("as asked") })
	case "exit":
		os.Exit(7)
	case "backends":
		fmt.Println("it has", Backends)
	case "hang":
		fmt.Println("it hangs")
		os.WriteFile(filepath.Join(os.Getenv(sharing), "hangs"), []byte("now"), 0o644)
		t.Run("part", func(t *testing.T) { Await(t, "what never comes", func() bool { return false }) })
	}
}

// readNote names the lab.
func readNote(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(note)
	must(t, err)
	return string(text)
}

// awaitFile returns the text of a file as soon as there is one. It does not use Await:
// TestSharedTestsEnd wants a test that does not say what it waits for.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	for began := time.Now(); time.Since(began) < Patience; time.Sleep(pollPause) {
		text, err := os.ReadFile(path)
		if err == nil && len(text) > 0 {
			return string(text)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("no %s after %s", path, Patience)
	return ""
}

// shared runs the tests above as a program of tests does that shares them out.
func shared(t *testing.T, turn string, flags ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self, append([]string{"-test.run=^TestTurn", "-test.count=1"}, flags...)...)
	cmd.Env = append(os.Environ(), sharing+"="+t.TempDir(), "LAB_RUN="+turn, markVariable+"=", costsVariable+"=")
	return cmd
}

// Tests run at the same time, each in a lab of its own, and what they print
// reads as if they had run one by one.
func TestShare(t *testing.T) {
	for _, c := range []struct {
		turn, says string
		code       int
		last       string
	}{
		{"", "--- PASS: TestTurn3", 0, "PASS"},
		{"fail", "    --- FAIL: TestTurn3/part", 1, "FAIL"},
		{"exit", "lab: TestTurn3: exit code 7", 7, "FAIL"},
	} {
		t.Run("turn "+c.turn, func(t *testing.T) {
			out, err := shared(t, c.turn, "-test.v").CombinedOutput()
			if code := exitCode(err); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			inOrder(t, string(out), "=== RUN   TestTurn1\nthe first speaks\n--- PASS: TestTurn1", "=== RUN   TestTurn2\nthe second speaks\n--- PASS: TestTurn2", "=== RUN   TestTurn3\n", c.says, "\n"+c.last+"\n")
			if n := strings.Count(string(out), "\nPASS\n") + strings.Count(string(out), "\nFAIL\n"); n != 1 {
				t.Errorf("%d last words, want one:\n%s", n, out)
			}
		})
	}
}

// Each test says what it has cost, where that is asked for.
func TestShareNotesCosts(t *testing.T) {
	cmd, note := shared(t, "fail"), filepath.Join(t.TempDir(), "costs")
	cmd.Env = append(cmd.Env, costsVariable+"="+note)
	cmd.Run()
	text, err := os.ReadFile(note)
	must(t, err)
	for _, end := range []string{"TestTurn1 0", "TestTurn2 0", "TestTurn3 1"} {
		if !regexp.MustCompile(`(?m)^ +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d ` + end + `$`).Match(text) {
			t.Errorf("no cost of %s in\n%s", end, text)
		}
	}
}

// A test has a backend that takes turns in its own turn alone.
func TestShareTakesTurns(t *testing.T) {
	has := map[string]int{}
	for _, turn := range []string{"600", "601"} {
		cmd := shared(t, "backends", "-test.v")
		cmd.Env = append(cmd.Env, backendsVariable+"=nft legacy/2", turnVariable+"="+turn)
		out, err := cmd.CombinedOutput()
		must(t, err)
		has[regexp.MustCompile(`it has .*`).FindString(string(out))]++
	}
	if has["it has [nft]"] != 1 || has["it has [nft legacy]"] != 1 {
		t.Errorf("in two turns: %v", has)
	}
}

// inOrder wants each part after the one before.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("no %q, or not in its place, in\n%s", part, text)
		}
		rest = after
	}
}

// What go test -json makes of it has an end for each test, and no line of
// testing's own among what the tests print.
func TestShareAsJSON(t *testing.T) {
	out, _ := shared(t, "fail", "-test.v=test2json").Output()
	convert := exec.Command("go", "tool", "test2json")
	convert.Stdin = bytes.NewReader(out)
	events, err := convert.Output()
	must(t, err)
	var ends []string
	last := ""
	for line := range bytes.Lines(events) {
		var e struct{ Action, Test, Output string }
		must(t, json.Unmarshal(line, &e))
		if strings.Contains(e.Output, "\x16") {
			t.Errorf("an unread mark in %q", e.Output)
		}
		if e.Output == "PASS\n" || e.Output == "FAIL\n" {
			last += e.Output
		}
		if e.Action == "pass" || e.Action == "fail" {
			ends = append(ends, e.Action+" "+e.Test)
		}
	}
	if want := []string{"pass TestTurn1", "pass TestTurn2", "fail TestTurn3/part", "fail TestTurn3", "fail "}; !slices.Equal(ends, want) {
		t.Errorf("ends %q, want %q", ends, want)
	}
	if last != "FAIL\n" {
		t.Errorf("last words %q, want one", last)
	}
}

// The time that all tests have, and a signal, end those that run.
func TestSharedTestsEnd(t *testing.T) {
	t.Run("in time", func(t *testing.T) {
		out, err := shared(t, "hang", "-test.run=^TestTurn[13]|^TestShareable$", "-test.timeout=8s").CombinedOutput()
		if code := exitCode(err); code != 1 {
			t.Errorf("exit %d, want 1: %s", code, out)
		}
		for _, line := range []string{
			`(?m)^lab: out of time after \d+s: TestTurn1 had not ended \(lab/sharetests_test\.go:\d+\)\. Run it alone: go test \./internal/lab -run '\^TestTurn1\$' -count=1$`,
			`(?m)^lab: out of time after \d+s: TestTurn3 had not ended; it waited for: what never comes \(lab/sharetests_test\.go:\d+\)\. Run it alone: `,
			`(?m)^lab: 1 tests did not begin: the time of all tests \(-timeout 8s\) was over\. Run them: -run '\^\(TestShareable\)\$'$`,
		} {
			if !regexp.MustCompile(line).Match(out) {
				t.Errorf("no line %s in\n%s", line, out)
			}
		}
		if n := bytes.Count(out, []byte("\n")); n > 12 {
			t.Errorf("%d lines", n)
		}
	})
	t.Run("in a single lab", func(t *testing.T) {
		out, err := shared(t, "hang", "-test.run=^TestTurn3", "-test.timeout=10s").CombinedOutput()
		if code := exitCode(err); code != 1 || !strings.Contains(string(out), "TestTurn3 had not ended; it waited for: what never comes") || strings.Contains(string(out), "goroutine") {
			t.Errorf("exit %d, want 1: %s", code, out)
		}
	})
	t.Run("by a signal", func(t *testing.T) {
		folder := t.TempDir()
		cmd := shared(t, "hang", "-test.run=^TestTurn3|^TestParseScan$")
		cmd.Env = append(cmd.Env, sharing+"="+folder)
		must(t, cmd.Start())
		awaitFile(t, filepath.Join(folder, "hangs"))
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		if code := exitCode(cmd.Wait()); code != 128+15 {
			t.Errorf("exit %d, want 143", code)
		}
	})
}

// Whatever wants one process has one lab.
func TestShareable(t *testing.T) {
	for line, want := range map[string]bool{
		"":                               true,
		"-test.run=^TestParse -record":   true,
		"-test.run=TestParse/listed":     false,
		"-test.skip=TestA/b":             false,
		"-test.testlogfile=/tmp/log.txt": true,
		"-test.bench=.":                  false,
		"-test.cpuprofile=cpu.out":       false,
		"-record more":                   false,
	} {
		set := flag.NewFlagSet("", flag.ContinueOnError)
		set.Bool("record", false, "")
		for _, name := range []string{"run", "skip", "testlogfile", "bench", "cpuprofile"} {
			set.String("test."+name, "", "")
		}
		must(t, set.Parse(strings.Fields(line)))
		if got := shareable(set); got != want {
			t.Errorf("%q: shareable is %v, want %v", line, got, want)
		}
	}
}
