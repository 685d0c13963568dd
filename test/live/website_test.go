package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// page is what a site sends.
var page = bytes.Repeat([]byte("<p>hardenctl</p>"), 2048)

// site is a web server on the server: it sends a page, or as many bytes as
// asked for, takes what is uploaded, and says which clients it has seen.
type site struct{ port int }

func openSite(t *testing.T, port int) *site {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(servePage)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return &site{port}
}

func servePage(w http.ResponseWriter, r *http.Request) {
	seen, _, _ := net.SplitHostPort(r.RemoteAddr)
	w.Header().Set("Seen", seen)
	io.Copy(io.Discard, r.Body)
	w.Write(page)
}

// visit loads the page by a connection of its own, which one SYN opens.
func (s *site) visit(from *lab.Host, server string) error {
	return s.visitWithin(from, server, lab.Patience)
}

// shuts reports whether the page does not load: the one SYN is not accepted, or
// nothing comes on the connection.
func (s *site) shuts(from *lab.Host, server string) bool {
	return s.visitWithin(from, server, silence) != nil
}

func (s *site) visitWithin(from *lab.Host, server string, patience time.Duration) error {
	conn, err := from.DialOnce(netip.AddrPort{}, net.JoinHostPort(server, fmt.Sprint(s.port)))
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
