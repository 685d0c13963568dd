package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hardenctl/lab"
)

// page is what a site sends.
var page = bytes.Repeat([]byte("<p>hardenctl</p>"), 2048)

// site is a web server on the server: it sends a page, or as many bytes as
// asked for, takes what is uploaded, and says whom it has seen.
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

// patience is how long a visitor waits for a page: not long enough for TCP to
// repeat a lost SYN, so that one lost packet is a lost page.
const pagePatience = 900 * time.Millisecond

// visit loads the page by a connection of its own.
func (s *site) visit(from *lab.Host, server string) error {
	return s.visitBy(func() (net.Conn, error) {
		return from.Dial("tcp", net.JoinHostPort(server, fmt.Sprint(s.port)), pagePatience)
	}, from)
}

func (s *site) visitBy(dial func() (net.Conn, error), from *lab.Host) error {
	client := http.Client{
		Timeout: pagePatience,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial() },
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
