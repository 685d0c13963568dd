package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
)

// onHost are the commands that read or change the host: test/live runs them.
const onHost = "plan apply confirm revert rollback history restore verify"

// With --json standard output is one value of JSON, or empty where the command has
// failed and standard error says why. Each command that has the flag is here, or in
// test/live.
func TestJSONOnly(t *testing.T) {
	outcomes := map[string]map[string]int{
		"check":    {"a.toml": 0, "builtin:web": 0, "bad.toml": 1, "gone.toml": 1, "gone/a.toml": 1, "a.toml b.toml": 1, "a.toml --fast": 1, "out": 1, "doubtful.toml": 0},
		"compile":  {"a.toml -o new": 0, "a.toml --check out": 0, "builtin:web --check out": 1, "bad.toml -o new2": 1, "a.toml": 1, "a.toml -o a.toml": 1, "a.toml --check gone": 1, "a.toml -o new --check out": 1},
		"diff":     {"a.toml a.toml": 0, "a.toml out": 0, "a.toml builtin:web": 2, "a.toml out/rules.v4": 0, "a.toml gone.toml": 1, "a.toml bad.toml": 1, "a.toml": 1, "out/rules.v4 out/rules.v6": 1, "--live": 1, "--live a.toml a.toml": 1, "--live a.toml --sets-a out/ipsets": 1},
		"explain":  {`"tcp * -> :22" a.toml`: 0, `"tcp * -> :22"`: 1, `"tcp * :22" a.toml`: 1, `"tcp * -> :22" bad.toml`: 1, `"tcp * -> :22" a.toml --rules out/rules.v4`: 1, `"tcp * -> :22" --rules out/rules.v4`: 0, `"tcp * -> :22" --rules a.toml`: 1, `"tcp * -> :22" --rules gone`: 1, `"203.0.113.7,tcp:22 timeout 9" a.toml`: 0, `"tcp * -> :22" --live a.toml`: 1, `"tcp * -> :22" --live --rules out/rules.v4`: 1},
		"import":   {"out/rules.v4": 0, "out/rules.v4 out/rules.v6 --sets out/rules.v4": 0, "out/rules.v4 out/rules.v4": 1, "a.toml": 1, "gone": 1, "": 1},
		"knock":    {"127.0.0.1 --ports tcp/1,tcp/2": 0, "127.0.0.1 --ports foo": 1, "gone.invalid --ports tcp/1,tcp/2": 1, "127.0.0.1 --profile bad.toml": 1, "127.0.0.1 --profile a.toml": 1, "127.0.0.1": 1, "": 1},
		"reach":    {"a.toml": 0, "a.toml --port tcp/22": 0, "--rules out/rules.v4": 0, "a.toml --port x": 1, "a.toml --from x": 1, "bad.toml": 1, "gone.toml": 1, "a.toml --rules out/rules.v4": 1, "--live a.toml": 1, "--live --sets out/ipsets": 1},
		"profiles": {"": 0, "web": 0, "builtin:web": 0, "gone": 1, "web mail": 1},
	}
	for _, c := range newRoot().Commands() {
		if c.Flags().Lookup("json") != nil && outcomes[c.Name()] == nil && !strings.Contains(onHost, c.Name()) {
			t.Errorf("%s --json is tried nowhere", c.Name())
		}
	}
	enter(t, map[string]string{"a.toml": head, "bad.toml": head + "scann.probes = 1", "doubtful.toml": head + "sets.unused.addresses = [\"192.0.2.1\"]"})
	run(t, "compile", "a.toml", "-o", "out")
	for command, lines := range outcomes {
		for line, code := range lines {
			r := run(t, append([]string{command, "--json"}, words(t, line)...)...)
			if valid := json.Valid([]byte(r.stdout)); r.code != code || !valid && (code != 1 || r.stdout != "") || !valid && r.stderr == "" {
				t.Errorf("%s --json %s: exit code %d, want %d; standard output %.200q, standard error %q", command, line, r.code, code, r.stdout, r.stderr)
			}
		}
	}
}

// The text of a built-in profile is a value in JSON.
func TestProfileJSON(t *testing.T) {
	var got builtin
	err := json.Unmarshal([]byte(run(t, "profiles", "web", "--json").stdout), &got)
	if want := run(t, "profiles", "web").stdout; err != nil || got.Name != "builtin:web" || got.Description != "Public web server" || got.Text != want {
		t.Errorf("%v: %+v", err, got)
	}
}

// Output that cannot be written is an error, whatever the command, and says what was
// done all the same. The commands that change the host are in test/live.
func TestOutputIsFull(t *testing.T) {
	enter(t, map[string]string{"a.toml": head})
	run(t, "compile", "a.toml", "-o", "old")
	program := builtProgram(t)
	for line, want := range map[string]string{
		"":                                    "the output could not be written: ",
		"--help":                              "the output could not be written: ",
		"--version":                           "no space left",
		"help apply":                          "the output could not be written: ",
		"apply --help":                        "the output could not be written: ",
		"check a.toml":                        "no space left",
		"check a.toml --json":                 "no space left",
		`explain "tcp * -> :22" a.toml`:       "no space left",
		"diff a.toml builtin:web":             "no space left",
		"profiles":                            "no space left",
		"profiles web":                        "no space left",
		"profiles --json":                     "no space left",
		"completion bash":                     "no space left",
		"compile a.toml -o out":               "out is written, but the output could not be: ",
		"compile a.toml -o out --json":        "out is written, but the output could not be: ",
		"compile builtin:web --check old":     "no space left",
		"knock 127.0.0.1 --ports tcp/1,tcp/2": "the knocks are sent, but the output could not be written: ",
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		cmd := exec.Command(program, words(t, line)...)
		cmd.Stdout, cmd.Stderr = full, &said
		cmd.Run()
		full.Close()
		wantCode := 1
		if strings.Contains(want, "but the output could not be") {
			wantCode = exitcode.Unwritten // the work was done
		}
		if code := cmd.ProcessState.ExitCode(); code != wantCode || !strings.Contains(said.String(), want) {
			t.Errorf("hardenctl %s: exit code %d, %q", line, code, &said)
		}
	}
}

// A closed standard output is /dev/null (docs/automation.md): no file of a bundle gets
// its descriptor, and with it what the command prints. One that is open for reading
// only is an error.
func TestOutputIsClosed(t *testing.T) {
	enter(t, map[string]string{"a.toml": head})
	program := builtProgram(t)
	for redirection, code := range map[string]int{"": 0, ">&-": 0, ">&- 2>&-": 0, "<&- >&- 2>&-": 0, "1</dev/null": exitcode.Unwritten} {
		cmd := exec.Command("sh", "-c", program+` compile a.toml -o out `+redirection)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("compile %s: exit code %d, want %d: %s", redirection, got, code, out)
		}
		if r := run(t, "compile", "a.toml", "--check", "out"); r.code != 0 {
			t.Errorf("compile %s wrote another bundle: %s", redirection, r.stderr)
		}
		os.RemoveAll("out")
	}
}

// builtProgram is the program, built.
func builtProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hardenctl")
	if out, err := exec.Command("go", "build", "-C", packageFolder, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}
