// Demo shows hardenctl's main job on this machine without touching it: in a
// throwaway network it compiles a web server's profile, plans, applies, and
// attacks the server with nmap before and after.
//
//	demo HARDENCTL FOLDER
//
// HARDENCTL is the program, FOLDER the one that holds web.toml. It needs root,
// and exits 1 if anything is not as it should be.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

func main() { lab.Main(demo{}) }

type demo struct{}

// Run is the demo, inside of the lab.
func (demo) Run() int {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo HARDENCTL FOLDER")
		return 2
	}
	folder, err := copied(os.Args[2])
	s := &show{hardenctl: os.Args[1], profile: filepath.Join(folder, "web.toml")}
	if err == nil {
		err = s.play()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

// copied returns a copy of a folder that is root's: a checkout may be anyone's,
// and hardenctl takes no orders from others.
func copied(folder string) (string, error) {
	place, err := os.MkdirTemp("/run", "profile-")
	if err != nil {
		return "", err
	}
	return place, os.CopyFS(place, os.DirFS(folder))
}

// show is a demo while it plays.
type show struct {
	hardenctl, profile                 string
	scanner, customer, office, crawler *lab.Host
}

func (s *show) play() error {
	network, err := lab.Open()
	if err != nil {
		return err
	}
	defer network.Close()
	for _, act := range []func() error{
		func() error { return s.settle(network) },
		s.before, s.compile, s.apply, s.after, s.visits, s.secondPlan,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	fmt.Println("\nNothing of this is left: the namespaces are gone.")
	return nil
}

// settle joins the hosts: a server with six ports open, a scanner, a
// customer, the office and one of Google's crawlers.
func (s *show) settle(n *lab.Network) error {
	title("A server with ports 22, 80, 443, 3306, 5432 and 8080 open, and no firewall")
	for _, port := range []int{22, 80, 443, 3306, 5432, 8080} {
		if _, err := lab.Listen("tcp", port); err != nil {
			return err
		}
	}
	for _, h := range []struct {
		host      **lab.Host
		name      string
		addresses []string
	}{
		{&s.scanner, "scanner", []string{"192.0.2.66/24", "2001:db8::66/64"}},
		{&s.customer, "customer", []string{"203.0.113.20", "2001:db8:20::1"}},
		{&s.office, "office", []string{"198.51.100.7", "2001:db8:10::7"}},
		{&s.crawler, "crawler", []string{"66.249.66.1"}},
	} {
		host, err := n.Join(h.name, h.addresses...)
		if err != nil {
			return err
		}
		*h.host = host
	}
	return nil
}

func (s *show) before() error {
	_, err := s.scan("-sS", "-F", lab.ServerV4)
	if err == nil {
		_, err = s.scan("-6", "-sS", "-F", lab.ServerV6)
	}
	return err
}

// scan runs nmap from the scanner and says what it learned.
func (s *show) scan(args ...string) (lab.Scan, error) {
	fmt.Printf("scanner$ nmap %s\n", strings.Join(args, " "))
	scan, err := s.scanner.Nmap(append([]string{"-T4", "--max-retries", "1"}, args...)...)
	if err != nil {
		return nil, err
	}
	for _, state := range []string{"open", "closed", "filtered", "open|filtered"} {
		ports := scan.In(state)
		switch {
		case len(ports) > 10:
			fmt.Printf("    %-9s %d ports\n", state, len(ports))
		case len(ports) > 0:
			fmt.Printf("    %-9s %s\n", state, strings.Join(ports, " "))
		}
	}
	return scan, nil
}

func (s *show) compile() error {
	title("A profile becomes a bundle of files, which anyone can review")
	folder, err := os.MkdirTemp("/run", "demo")
	if err != nil {
		return err
	}
	if _, err := s.run(0, "compile", s.profile, "-o", folder); err != nil {
		return err
	}
	return list(folder)
}

func list(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		stat, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Printf("    %9d  %s\n", stat.Size(), e.Name())
	}
	return nil
}

func (s *show) apply() error {
	title("What would change on this host, and why: each line with the profile line that wants it")
	if _, err := s.run(12, "plan", s.profile); err != nil {
		return err
	}
	title("The whole of it, or nothing")
	_, err := s.run(1, "apply", s.profile, "--auto-approve", "--confirm-within", "0")
	return err
}

// after scans again. Only what the profile states may be open, and nothing
// closed: a closed port is an answer.
func (s *show) after() error {
	title("The same scans again")
	for _, args := range [][]string{{"-sS", "-F", lab.ServerV4}, {"-6", "-sS", "-F", lab.ServerV6}, {"-sA", "-F", lab.ServerV4}, {"-sF", "-F", lab.ServerV4}} {
		scan, err := s.scan(args...)
		if err != nil {
			return err
		}
		for _, port := range scan.Open() {
			if port != "tcp/80" && port != "tcp/443" {
				return fmt.Errorf("%s is open, and the profile does not state it", port)
			}
		}
		if closed := scan.In("closed"); len(closed) > 0 {
			return fmt.Errorf("the host answered for %s", closed)
		}
	}
	title("The kernel has banned the scanner by itself: its address, and its /64")
	return banned("hardenctl-ban-v4", "hardenctl-ban-v6")
}

func banned(sets ...string) error {
	for _, set := range sets {
		out, err := exec.Command("ipset", "list", set).Output()
		if err != nil {
			return fmt.Errorf("ipset list %s: %w", set, err)
		}
		_, members, _ := strings.Cut(string(out), "Members:\n")
		if members == "" {
			return fmt.Errorf("%s is empty", set)
		}
		fmt.Printf("    %s: %s", set, members)
	}
	return nil
}

// visits shows who still gets in, and who does not.
func (s *show) visits() error {
	title("Everybody else")
	for _, visit := range []struct {
		who     *lab.Host
		port    string
		welcome bool
	}{
		{s.customer, "443", true}, {s.crawler, "80", true}, {s.office, "22", true},
		{s.customer, "22", false}, {s.scanner, "22", false}, {s.scanner, "5432", false},
	} {
		conn, err := visit.who.Dial("tcp", lab.ServerV4+":"+visit.port, time.Second)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != visit.welcome {
			return fmt.Errorf("%s to port %s: %v", visit.who.Name(), visit.port, err)
		}
		fmt.Printf("    %-9s to port %-5s %s\n", visit.who.Name(), visit.port, map[bool]string{true: "connected", false: "no answer"}[visit.welcome])
	}
	return nil
}

func (s *show) secondPlan() error {
	title("A second plan has nothing to do")
	_, err := s.run(0, "plan", s.profile, "--detailed-exitcode")
	return err
}

// run runs hardenctl and prints what it says; if most is not 0, only so many
// lines from the beginning, and the last.
func (s *show) run(most int, args ...string) (string, error) {
	shown := slices.Clone(args)
	for i, a := range shown {
		shown[i] = strings.Replace(a, s.profile, "demo/web.toml", 1)
	}
	fmt.Printf("server$ hardenctl %s\n", strings.Join(shown, " "))
	cmd := exec.CommandContext(context.Background(), s.hardenctl, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if most > 0 && len(lines) > most+1 {
		last := lines[len(lines)-1]
		lines = append(slices.Clone(lines[:most]), fmt.Sprintf("… %d lines more …", len(lines)-most-1), last)
	}
	fmt.Println("    " + strings.Join(lines, "\n    "))
	if err != nil {
		return "", fmt.Errorf("hardenctl %s: %w", args[0], err)
	}
	return string(out), nil
}

func title(text string) { fmt.Printf("\n== %s\n", text) }
