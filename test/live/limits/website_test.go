package limits

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
)

func openSite(t *testing.T, port int) *synflood.Site {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(synflood.ServePage)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return &synflood.Site{Port: port}
}
