package netns_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// A namespace has a name of its own, by which it is found while it lives.
func TestName(t *testing.T) {
	needRoot(t)
	if name := netns.Name(); name != atStart || !netns.Alive(name) || netns.Alive("net:[1]") {
		t.Errorf("the namespace is called %q, and alive is %v", name, netns.Alive(name))
	}
	err := netns.Throwaway(func() error {
		if netns.Name() == atStart {
			t.Error("a new namespace has the name of the old one")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
