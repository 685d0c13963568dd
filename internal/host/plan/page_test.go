package plan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// TestAccessOfPage holds that docs/operations.md shows what a plan prints of a lockout.
func TestAccessOfPage(t *testing.T) {
	refused := AdminSource{Address: "198.51.100.7", Learned: "your SSH connection", Port: "tcp/22", Service: "ssh",
		Refused: "a new connection would be refused (access.block; web.toml:13)"}
	p := Plan{Access: &Access{Sources: []AdminSource{refused, {Address: "192.0.2.20", Learned: "logged in by SSH", Port: "tcp/22", Service: "ssh"}}}}
	for _, address := range []string{"192.0.2.1", "192.0.2.254", "2001:db8:10::1", "2001:db8:10:ffff:ffff:ffff:ffff:ffff"} {
		p.Access.Sources = append(p.Access.Sources, AdminSource{Address: address, Learned: "access.admin", Port: "tcp/22", Service: "ssh"})
	}
	var printed bytes.Buffer
	p.Print(&printed, false, true)
	if want := pages.Output(t, "docs/operations.md", "## The lockout check"); !strings.Contains(printed.String(), want) {
		t.Errorf("a plan prints\n%s\nand the page shows\n%s", &printed, want)
	}
}
