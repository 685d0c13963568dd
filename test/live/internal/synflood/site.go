package synflood

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// page is what a site sends.
var page = bytes.Repeat([]byte("<p>hardenctl</p>"), 2048)

// IsCalmIn checks that a customer's pages load in a flood as they do without,
// and that the flood leaves no tracked connections behind.
func (s *Site) IsCalmIn(t *testing.T, f Flood, customer *lab.Host) {
	t.Helper()
	quiet := s.load(customer, f.To.Addr().String(), nil)
	before := Tracked(t)
	busy := s.loadDuring(t, f, customer)
	grown := Tracked(t) - before
	t.Logf("%s: quiet %v; in the flood %v; %d connections more are tracked", f.To, quiet, busy, grown)
	if busy.share() < 0.9*quiet.share() || busy.loaded < 10 {
		t.Errorf("%s: pages in the flood: %v, without: %v", f.To, busy, quiet)
	}
	if grown > f.Packets/50 {
		t.Errorf("%s: the flood left %d tracked connections", f.To, grown)
	}
}

// loadDuring loads pages for as long as a flood lasts.
func (s *Site) loadDuring(t *testing.T, f Flood, customer *lab.Host) loads {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f.Run() }()
	var failed error
	busy := s.load(customer, f.To.Addr().String(), func() bool {
		select {
		case failed = <-done:
			return true
		default:
			return false
		}
	})
	require.NoError(t, failed)
	return busy
}

// load asks for a page every 40 ms, whether those before have come or not, for a
// dozen pages at least and until something is over, if it is said what.
func (s *Site) load(from *lab.Host, server string, over func() bool) loads {
	const pace, least = 40 * time.Millisecond, 12
	var loaded atomic.Int64
	var open sync.WaitGroup
	var l loads
	for ; l.asked < least || over != nil && !over(); time.Sleep(pace) {
		l.asked++
		open.Add(1)
		go func() {
			defer open.Done()
			if s.Visit(from, server) == nil {
				loaded.Add(1)
			}
		}()
	}
	open.Wait()
	l.loaded = int(loaded.Load())
	return l
}

// Site is a web server on the server: it sends a page, or as many bytes as
// asked for, takes what is uploaded, and says which clients it has seen.
type Site struct{ Port int }

// Visit loads the page by a connection of its own, which one SYN opens.
func (s *Site) Visit(from *lab.Host, server string) error {
	return s.visitWithin(from, server, lab.Patience)
}

// Shuts reports whether the page does not load: the one SYN is not accepted, or
// nothing comes on the connection.
func (s *Site) Shuts(from *lab.Host, server string) bool {
	return s.visitWithin(from, server, traffic.Silence) != nil
}

func (s *Site) visitWithin(from *lab.Host, server string, patience time.Duration) error {
	conn, err := from.DialOnce(netip.AddrPort{}, net.JoinHostPort(server, fmt.Sprint(s.Port)))
	if err != nil {
		return err
	}
	client := http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		},
	}
	answer, err := client.Get("http://site/")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	seen := answer.Header.Get("Seen")
	switch {
	case err != nil:
		return err
	case !bytes.Equal(text, page):
		return fmt.Errorf("%d bytes of a page of %d", len(text), len(page))
	case !strings.Contains(from.V4().String()+" "+from.V6().String(), seen):
		return fmt.Errorf("the site saw %s", seen)
	}
	return nil
}

// ServePage answers each request with the page.
func ServePage(w http.ResponseWriter, r *http.Request) {
	seen, _, _ := net.SplitHostPort(r.RemoteAddr)
	w.Header().Set("Seen", seen)
	io.Copy(io.Discard, r.Body)
	w.Write(page)
}

// Publishes adds a host that is to be a container with a site on port 80, and
// sends these ports of the server on to it as Docker does: by DNAT for what
// arrives, and for what the server itself sends to its own addresses.
func Publishes(t *testing.T, network *lab.Bench, ports ...int) {
	t.Helper()
	forwarding.Routes(t)
	container := network.Host("container", "10.9.0.2", "fd00:9::2")
	require.NoError(t, container.Do(func() error {
		l, err := net.Listen("tcp", ":80")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: http.HandlerFunc(ServePage)}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		return nil
	}))
	for _, f := range []struct{ tool, loopback, to string }{
		{"iptables", "127.0.0.0/8", "10.9.0.2:80"}, {"ip6tables", "::1", "[fd00:9::2]:80"},
	} {
		nat := f.tool + " -w -t nat "
		run.Tool(t, nat+"-N DOCKER")
		run.Tool(t, nat+"-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER")
		run.Tool(t, nat+"-A OUTPUT ! -d "+f.loopback+" -m addrtype --dst-type LOCAL -j DOCKER")
		for _, port := range ports {
			run.Tool(t, fmt.Sprintf("%s-A DOCKER -p tcp --dport %d -j DNAT --to-destination %s", nat, port, f.to))
		}
	}
}

// loads is what a customer got who asked for pages at a steady pace.
type loads struct {
	asked, loaded int
}

func (l loads) share() float64 { return float64(l.loaded) / float64(l.asked) }

// String says how many of the pages that were asked for came.
func (l loads) String() string {
	return fmt.Sprintf("%d of %d pages", l.loaded, l.asked)
}
