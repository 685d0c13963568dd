package netns_test

import (
	"net"
	"testing"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// What one function leaves in a Space, the next one finds there, and no other thread
// does.
func TestSpaceIsShared(t *testing.T) {
	needRoot(t)
	s, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	var first, second string
	var l net.Listener
	err = s.Do(func() (err error) {
		first = current(t)
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = s.Do(func() error {
		second = current(t)
		conn, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		t.Errorf("the second cannot reach the first: %v", err)
	}
	if first != second || first == current(t) {
		t.Errorf("they ran in %s and %s, the test in %s", first, second, current(t))
	}
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		conn.Close()
		t.Error("the test reached a listener in the namespace")
	}
}

// A namespace that has been closed cannot be entered.
func TestSpaceThatIsClosed(t *testing.T) {
	needRoot(t)
	s, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(func() error { t.Error("ran"); return nil }); err == nil {
		t.Error("no error")
	}
}
