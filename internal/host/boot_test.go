package host

import "testing"

// A line of a file as it would be saved is found in the file as it is, by its
// table where it is there more than once.
func TestSameLine(t *testing.T) {
	const (
		own    = "*nat\n:A - [0:0]\n-A A -j B\nCOMMIT\n*filter\n:A - [0:0]\n-A A -j B\ngarbage\ngarbage\nCOMMIT\n"
		merged = "# ours\n*nat\n:A - [0:0]\n-A OURS -j A\n-A A -j B\nCOMMIT\n*filter\n:A - [0:0]\n:OURS - [0:0]\n-A OURS -j A\n-A A -j B\ngarbage\ngarbage\nCOMMIT\n*raw\nCOMMIT\n"
	)
	for n, want := range map[int]int{0: 0, 1: 0, 4: 0, 5: 3, 6: 4, 10: 0, 11: 7, 12: 8, 13: 9, 14: 10, 16: 0, 17: 0} {
		if got := sameLine([]byte(merged), n, []byte(own)); got != want {
			t.Errorf("line %d is line %d, want %d", n, got, want)
		}
	}
}
