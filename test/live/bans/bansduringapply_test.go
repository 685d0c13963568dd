package bans

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Bans that come while an apply replaces their set, which takes a moment where
// there are many, are in the new one: none of them falls between the two.
func TestBansDuringAnApply(t *testing.T) {
	stage.Bare(t, "nft")
	lasting := func(name, ban string) string {
		return testfile.Write(t, name, bootsim.Homely+"[scan]\nban = \""+ban+"\"\n")
	}
	run.Expect(t, 0, "apply", lasting("short.toml", "1h"), "--auto-approve", "--confirm-within", "0", "--no-guard")
	var many strings.Builder
	for i := range 60000 {
		fmt.Fprintf(&many, "add hardenctl-ban-v4 10.0.%d.%d timeout 3000\n", i>>8, i&255)
	}
	load := exec.Command("ipset", "restore")
	load.Stdin = strings.NewReader(many.String())
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stop, banned := make(chan struct{}), make(chan int)
	go keepBanning(stop, banned)
	run.Expect(t, 0, "apply", lasting("long.toml", "2h"), "--auto-approve", "--confirm-within", "0", "--no-guard")
	close(stop)
	n := <-banned
	have := run.Tool(t, "ipset save hardenctl-ban-v4")
	require.Contains(t, have, " timeout 7200") // the last that ipset 7.10 says of a set
	lost := 0
	for i := range n {
		if !strings.Contains(have, " "+numberedBan(i)+" ") {
			lost++
		}
	}
	if lost > 0 || n == 0 || strings.Count(have, " 10.0.") != 60000 {
		t.Errorf("%d of %d bans that came are lost, and of 60000 old ones there are %d", lost, n, strings.Count(have, " 10.0."))
	}
}

func numberedBan(i int) string { return fmt.Sprintf("198.18.%d.%d", i>>8&255, i&255) }

// keepBanning bans addresses, one after the other, until it is told to stop, and
// says how many there were.
func keepBanning(stop <-chan struct{}, banned chan<- int) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			banned <- n
			return
		default:
			exec.Command("ipset", "-exist", "add", "hardenctl-ban-v4", numberedBan(n), "timeout", "3000").Run()
		}
	}
}
