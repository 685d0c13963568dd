package scan

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// openSSH is the greeting of a program that nmap knows at the first word.
const openSSH = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"

// nmap -sV names what is behind a public port, since who opens a connection
// there is a customer, and nothing else; its half-open scan finds it nothing to
// ask.
func TestNmapNamesOnlyPublicServices(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for _, port := range []string{"22", "80", "8080"} {
			introduces(t, port)
		}
		network := lab.NewNetwork(t)
		early := network.Host("early", "203.0.113.1", "2001:db8:bad::66")
		isNamed(t, early, "-sS", lab.ServerV4, "22", "80", "8080")
		isNamed(t, early, "-sS", lab.ServerV6, "22", "80", "8080")
		run.Expect(t, 0, "apply", testfile.Write(t, "watched.toml", webserver.Watched+"fingerprint = true\nscope = \"hidden\"\n"), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, family := range []int{4, 6} {
			h := scanner(network, family, family)
			server := lab.ServerV4
			if family == 6 {
				server = lab.ServerV6
			}
			isNamed(t, h, "-sS", server)
			isNamed(t, h, "-sT", server, "80")
		}
	})
}

// introduces has a program greet every client on a port of the server's.
func introduces(t *testing.T, port string) {
	t.Helper()
	l, err := net.Listen("tcp", ":"+port)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, openSSH)
			time.AfterFunc(lab.Patience, func() { c.Close() })
		}
	}()
}

// recognized is a port in nmap's report whose program it knows.
var recognized = regexp.MustCompile(`portid="(\d+)"[^\n]*product="OpenSSH"`)

// isNamed checks at which ports nmap names the program that it finds.
func isNamed(t *testing.T, from *lab.Host, scan, server string, want ...string) {
	t.Helper()
	args := []string{"-n", "-Pn", scan, "-sV", "-T4", "--max-retries", "1", "-p", "22,80,443,8080", "-oX", "-", server}
	if server == lab.ServerV6 {
		args = append(args, "-6")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	report, err := from.Command(ctx, "nmap", args...).Output()
	require.NoError(t, err)
	var got []string
	for _, found := range recognized.FindAllStringSubmatch(string(report), -1) {
		got = append(got, found[1])
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("nmap %s -sV of %s names ports %v, want %v:\n%s", scan, server, got, want, report)
	}
}
