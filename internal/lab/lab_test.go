package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(sharing) != "" {
		os.Exit(Share(m, 2))
	}
	Main(m)
}

// outsideT is a T outside of a lab: it records how it was ended.
type outsideT struct{ said string }

func (s *outsideT) Helper()        {}
func (s *outsideT) Cleanup(func()) {}
func (s *outsideT) Fatalf(format string, args ...any) {
	s.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// refusal runs f on a goroutine of its own and returns what ended it.
func refusal(f func(T)) string {
	s := &outsideT{}
	done := make(chan struct{})
	go func() { defer close(done); f(s) }()
	<-done
	return s.said
}

func TestRequireRefusesOutside(t *testing.T) {
	own, err := os.Readlink("/proc/self/ns/net")
	must(t, err)
	guarded := map[string]func(T){
		"Require":    Require,
		"FlushState": FlushState,
		"UseBackend": func(t T) { UseBackend(t, "nft") },
		"NewNetwork": func(t T) { NewNetwork(t) },
		"Serve":      func(t T) { Serve(t, "tcp", 1) },
	}
	for name, f := range guarded {
		for _, mark := range []string{"", own} {
			t.Setenv(markVariable, mark)
			if said := refusal(f); !strings.Contains(said, "not in a lab") {
				t.Errorf("%s with %s=%q: %q, want a refusal", name, markVariable, mark, said)
			}
		}
	}
}

// A mark in the environment does not make any other namespace a lab.
func TestMarkAloneIsNoLab(t *testing.T) {
	Require(t)
	own, err := os.ReadFile(note)
	must(t, err)
	must(t, os.Chmod(note, 0o600))
	must(t, os.WriteFile(note, []byte("net:[2]"), 0o600))
	said := refusal(Require)
	must(t, os.WriteFile(note, own, 0o600))
	if !strings.Contains(said, "does not name this network namespace") {
		t.Errorf("%q, want a refusal", said)
	}
}

func TestLabIsApart(t *testing.T) {
	Require(t)
	for _, path := range []string{"/etc/lab-was-here", "/var/lib/lab-was-here", "/run/lab-was-here"} {
		must(t, os.WriteFile(path, nil, 0o600))
		defer os.Remove(path) // should it be the machine's after all
		// The process that made the lab is outside, and our parent.
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", os.Getppid(), path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is seen outside: %v", path, err)
		}
	}
	links, err := os.ReadDir("/sys/class/net")
	must(t, err)
	if len(links) != 1 || links[0].Name() != "lo" {
		t.Errorf("/sys shows %v, want the lab's lo alone", links)
	}
	if name, _ := os.Hostname(); name != "lab" {
		t.Errorf("host name %q", name)
	}
}

func TestExitCode(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 128 + 15} {
		if got := exitCode(exec.Command("sh", "-c", script).Run()); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}

// A lab passes on the exit code and the signals of what it runs.
func TestMainPassesOn(t *testing.T) {
	switch os.Getenv("LAB_ACT") {
	case "fail":
		t.Fatal("as asked")
	case "wait":
		fmt.Println("waiting")
		time.Sleep(time.Hour)
	}
	failing, out := act(t, "fail")
	text, _ := io.ReadAll(out)
	if code := exitCode(failing.Wait()); code != 1 || !strings.Contains(string(text), "as asked") {
		t.Errorf("a failing test: exit %d, want 1: %s", code, text)
	}
	waiting, out := act(t, "wait")
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "waiting\n" {
		t.Fatalf("%q, %v", line, err)
	}
	must(t, waiting.Process.Signal(syscall.SIGTERM))
	if code := exitCode(waiting.Wait()); code != 128+15 {
		t.Errorf("after SIGTERM: exit %d, want 143", code)
	}
}

// act starts TestMainPassesOn in a lab within this one.
func act(t *testing.T, part string) (*exec.Cmd, io.Reader) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestMainPassesOn$")
	cmd.Env = append(os.Environ(), "LAB_ACT="+part, markVariable+"=")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return cmd, out
}

func TestHostsReachTheServer(t *testing.T) {
	n := NewNetwork(t)
	near := n.Host("near", "192.0.2.66/24", "2001:db8::66/64")
	far := n.Host("far", "66.249.64.5", "2001:db8:bad::5")
	web := Serve(t, "tcp", 80)
	Serve(t, "udp", 53)
	for _, h := range []*Host{near, far} {
		for _, server := range []string{"192.0.2.1", "[2001:db8::1]"} {
			greeting(t, h, server+":80", web.Banner())
			echoed(t, h, server+":53")
		}
	}
	if web.Count() != 4 {
		t.Errorf("the service counted %d connections, want 4", web.Count())
	}
	if _, err := near.Dial("tcp", "192.0.2.1:81", Patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port without a program: %v, want a refusal", err)
	}
}

func greeting(t *testing.T, h *Host, address, want string) {
	t.Helper()
	c, err := h.Dial("tcp", address, Patience)
	if err != nil {
		t.Errorf("%s: %v", h.Name(), err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(Patience))
	if line, err := bufio.NewReader(c).ReadString('\n'); line != want {
		t.Errorf("%s -> %s: %q, %v", h.Name(), address, line, err)
	}
}

func echoed(t *testing.T, h *Host, address string) {
	t.Helper()
	c, err := h.Dial("udp", address, Patience)
	must(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(Patience))
	c.Write([]byte("hello"))
	buffer := make([]byte, 16)
	if n, err := c.Read(buffer); string(buffer[:n]) != "hello" {
		t.Errorf("%s -> %s: %q, %v", h.Name(), address, buffer[:n], err)
	}
}

func TestDialFromChoosesTheSource(t *testing.T) {
	n := NewNetwork(t)
	h := n.Host("two", "192.0.2.66/24", "192.0.2.67/24")
	Serve(t, "tcp", 80)
	local := netip.MustParseAddrPort("192.0.2.67:0")
	c, err := h.DialFrom(local, "tcp", "192.0.2.1:80", Patience)
	must(t, err)
	defer c.Close()
	if from := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); from != local.Addr() {
		t.Errorf("connected from %v, want %v", from, local.Addr())
	}
	if _, err := h.Dial("tcp", "localhost:80", Patience); err == nil {
		t.Error("a host name was taken; the resolver is outside of the lab")
	}
}

// Many threads are on a host at once; the process as a whole stays in the lab.
func TestHostTakesOnlyItsThread(t *testing.T) {
	h := NewNetwork(t).Host("one", "192.0.2.66/24")
	own, err := os.Readlink("/proc/self/ns/net")
	must(t, err)
	var all sync.WaitGroup
	for range 100 {
		all.Add(1)
		go func() {
			defer all.Done()
			err := h.Do(func() error {
				time.Sleep(time.Millisecond)
				process, _ := os.Readlink("/proc/self/ns/net")
				thread, _ := os.Readlink("/proc/thread-self/ns/net")
				if process != own || thread == own {
					return fmt.Errorf("process in %s, thread in %s, lab %s", process, thread, own)
				}
				return nil
			})
			if err == nil {
				err = Inside()
			}
			if err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
}

func TestCommandRunsOnTheHost(t *testing.T) {
	h := NewNetwork(t).Host("one", "192.0.2.66/24")
	out, err := h.Command(context.Background(), "ip", "-o", "-4", "address", "show", "eth0").Output()
	must(t, err)
	if !strings.Contains(string(out), "192.0.2.66/24") {
		t.Errorf("%s", out)
	}
}

func TestNmapSeesWhatIsThere(t *testing.T) {
	h := NewNetwork(t).Host("scanner", "192.0.2.66/24", "2001:db8::66/64")
	Serve(t, "tcp", 80)
	for _, target := range [][]string{{"192.0.2.1"}, {"-6", "2001:db8::1"}} {
		s := Nmap(t, h, append([]string{"-sS", "-p", "1-100"}, target...)...)
		if open := s.Open(); !slices.Equal(open, []string{"tcp/80"}) || s.States()["closed"] != 99 {
			t.Errorf("%v: open %v, states %v", target, open, s.States())
		}
	}
}

func TestParseScan(t *testing.T) {
	const finished = `<runstats><finished exit="success"/></runstats>`
	for _, c := range []struct{ name, text, open, err string }{
		{"listed and extra", `<nmaprun><host><ports>
			<extraports state="filtered" count="4"><extrareasons proto="tcp" ports="1-3,9"/></extraports>
			<port protocol="tcp" portid="80"><state state="open"/></port></ports></host>` + finished + `</nmaprun>`, "tcp/80", ""},
		{"old nmap", `<nmaprun><host><ports><extraports state="filtered" count="4"><extrareasons reason="no-responses" count="4"/></extraports></ports></host>` + finished + `</nmaprun>`, "", "names 0 of them"},
		{"timed out", `<nmaprun><host timedout="true"/>` + finished + `</nmaprun>`, "", "timed out"},
		{"no target", `<nmaprun>` + finished + `</nmaprun>`, "", "0 targets"},
		{"failed", `<nmaprun><runstats><finished exit="error"/></runstats></nmaprun>`, "", "did not succeed"},
		{"cut off", `<nmaprun><host>`, "", "unreadable"},
	} {
		s, err := parseScan([]byte(c.text))
		if got := strings.Join(s.Open(), " "); got != c.open {
			t.Errorf("%s: open %q, want %q", c.name, got, c.open)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
	}
}

// Whatever a report says, its reader ends in states of real ports or an error.
func FuzzParseScan(f *testing.F) {
	f.Add("tcp", "1-3,9", 4)
	f.Add("udp", "65535-65536", 2)
	f.Add("tcp", ",", 0)
	f.Fuzz(func(t *testing.T, protocol, ports string, count int) {
		s := Scan{}
		if err := s.addExtra(extraPorts{State: "filtered", Count: count, Reasons: []extraReason{{protocol, ports}}}); err != nil {
			return
		}
		for p := range s {
			if p.Number < 0 || p.Number > 65535 {
				t.Errorf("%q names port %v", ports, p)
			}
		}
		parseScan([]byte(ports))
	})
}

func TestUseBackend(t *testing.T) {
	version := func() string {
		out, _ := exec.Command("iptables", "-V").Output()
		return string(out)
	}
	before := version()
	for backend, word := range map[string]string{"nft": "nf_tables", "legacy": "legacy"} {
		t.Run(backend, func(t *testing.T) {
			UseBackend(t, backend)
			if v := version(); !strings.Contains(v, word) {
				t.Errorf("iptables -V: %s", v)
			}
		})
	}
	if after := version(); after != before {
		t.Errorf("afterwards iptables is %s, not %s", after, before)
	}
}

func TestFlushState(t *testing.T) {
	Require(t)
	must(t, run("ipset", "create", "held", "hash:ip"))
	for _, backend := range Backends {
		tool := "iptables-" + backend
		must(t, run(tool, "-N", "MINE"))
		must(t, run(tool, "-A", "MINE", "-m", "set", "--match-set", "held", "src", "-j", "DROP"))
		must(t, run(tool, "-t", "raw", "-A", "PREROUTING", "-j", "ACCEPT"))
		must(t, run(tool, "-P", "FORWARD", "DROP"))
	}
	FlushState(t)
	for _, backend := range Backends {
		out, err := exec.Command("iptables-" + backend + "-save").Output()
		must(t, err)
		if text := string(out); strings.Contains(text, "-A") || strings.Contains(text, "MINE") || strings.Contains(text, " DROP") {
			t.Errorf("%s after the flush:\n%s", backend, text)
		}
	}
	if out, _ := exec.Command("ipset", "list", "-n").Output(); len(out) != 0 {
		t.Errorf("sets after the flush: %s", out)
	}
}

// A test of both backends runs on those that a variable names; without one, on both.
// TestBackendsInTurn holds that each test has each backend in one of as many turns.
func TestBackendsInTurn(t *testing.T) {
	for _, test := range []string{"TestApply", "TestBan", "TestDrift", "TestKnock"} {
		var legacy int
		for turn := range uint64(3) {
			switch got := backendsInTurn("nft legacy/3", test, turn+600); got {
			case "nft legacy/3":
				legacy++
			case "nft":
			default:
				t.Errorf("%s, turn %d: %q", test, turn, got)
			}
		}
		if legacy != 1 {
			t.Errorf("%s runs on legacy in %d of 3 turns", test, legacy)
		}
	}
	if got := backendsInTurn("nft legacy", "TestApply", 1); got != "nft legacy" {
		t.Errorf("%q, want both", got)
	}
}

func TestBackends(t *testing.T) {
	for named, want := range map[string]string{"": "[nft legacy]", "nft": "[nft]", "legacy nft": "[legacy nft]", "nft legacy/3": "[nft legacy]"} {
		if got := fmt.Sprint(backends(named)); got != want {
			t.Errorf("%q: %s, want %s", named, got, want)
		}
	}
}
